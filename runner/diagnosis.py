"""Evidence → outcome, confidence, advice. Pure.

What the operating system says outranks what the log says; a message counts only where the exit
agrees with it; the most specific cause wins; what else fits is listed.
"""

from __future__ import annotations

import errno
import re
import signal
from dataclasses import replace

from runner import device_events, kills, rank_facts, scenes, signalled, signatures, system_facts
from runner.advice import advice_for
from runner.device_oom import FOREIGN_SHARE
from runner.evidence import Diagnosis, Evidence, Fact, MemoryPicture, Stop
from runner.outcomes import Outcome, exit_status
from runner.rank_facts import Failure
from runner.signalled import Decision, others, said
from runner.signatures import Match
from runner.units import size

_WORKER_NAME = "pt_data_worker"
"""What torch calls its loader's processes."""
_TIMEOUT_STATUS = 124
_MOST_EXITS = 6
_LAST_LINES = 30
_SAYS_NO_MORE = (
    Outcome.ERROR_COLLECTIVE, Outcome.ERROR_PYTHON, Outcome.CRASH_ABORT, Outcome.HANG_IO,
    Outcome.HANG_STOPPED,
)  # fmt: skip
"""What tells no more than a job that says which collective failed: that ends in an abort, too."""
_OF_AN_EXIT = (Outcome.HANG_LOCK, Outcome.HANG_IO, Outcome.HANG_UNKNOWN)
"""What a process that has only to leave may look like."""
_WAITS_FOR_WHO_IS_GONE = (
    Outcome.HANG_LOCK, Outcome.HANG_IO, Outcome.HANG_UNKNOWN, Outcome.HANG_DATALOADER,
    Outcome.HANG_COLLECTIVE,
)  # fmt: skip
_NOT_STARTED = {
    errno.EMFILE: Outcome.ERROR_FD,
    errno.ENFILE: Outcome.ERROR_FD,
    errno.ENOMEM: Outcome.OOM_HOST_REFUSED,
    errno.EAGAIN: Outcome.OOM_HOST_REFUSED,
    errno.ENOSPC: Outcome.ERROR_DISK,
    errno.EDQUOT: Outcome.ERROR_DISK,
}
"""What the machine refuses to a new process; whatever else keeps one from starting is the command's
own. Linux refuses the process itself with EAGAIN, as the messages of a refused fork say."""
_OWN_SUMMARY = re.compile(r"([a-z]+(?:\.[a-z]+)*): .{1,200}; .{1,200}/report\.(?:html|md)$")
"""The line in which a supervisor says how its run ended."""
_LOADERS = re.compile(r"DataLoader worker|[Pp]in memory thread")
"""What torch calls its loader's processes and threads, where it speaks of their end."""


def diagnose(evidence: Evidence) -> Diagnosis:
    """The outcome of an attempt with its evidence. Never raises: what fits nothing is
    ``error.python`` or ``crash.signal`` with low confidence."""
    outcome, confidence, facts, also = _decide(evidence)
    return Diagnosis(
        outcome=outcome.value,
        confidence=confidence,
        facts=tuple(facts + _system_facts(outcome, evidence) + _common_facts(evidence)),
        also=tuple(dict.fromkeys(other.value for other in also if other is not outcome)),
        advice=advice_for(outcome),
    )


def _decide(evidence: Evidence) -> Decision:
    if evidence.supervisor_error is not None:
        return Outcome.LOST, 1.0, [Fact("supervisor", evidence.supervisor_error)], []
    if evidence.start_error is not None:
        refused = _NOT_STARTED.get(evidence.start_errno or 0, Outcome.ERROR_USAGE)
        return refused, 1.0, [Fact("start", evidence.start_error)], []
    if evidence.stopped_for is not None:
        return _stopped(evidence, evidence.stopped_for)
    if evidence.exit_code == 0:
        return Outcome.OK, 1.0, [Fact("exit", "exit status 0")], []
    return _died(evidence)


def _stopped(evidence: Evidence, stop: Stop) -> Decision:
    if stop is Stop.INTERRUPT:
        return Outcome.INTERRUPTED, 1.0, [Fact("signal", "the user asked for the end")], []
    if stop is Stop.DEADLINE:
        return Outcome.TIMEOUT, 1.0, [Fact("clock", "the deadline passed")], []
    if stop is Stop.MEMORY_LIMIT:
        return Outcome.OOM_HOST_LIMIT, 1.0, _held(evidence.memory), []
    picture = evidence.stall
    facts = (
        [Fact("pulse", f"no progress for {picture.quiet_s:.1f} s (limit {picture.limit_s:g} s)")]
        if picture
        else []
    )
    if stop is Stop.EXIT_STALL:
        facts.append(Fact("pulse", "the job had said that its work was finished"))
        return Outcome.HANG_EXIT, 0.95, facts, []
    hang = scenes.hang_of(picture)
    at_exit = scenes.end_reached(picture) if hang.outcome in _OF_AN_EXIT else None
    if at_exit is not None and not signatures.match(evidence.output):
        # No word of a failure, and none of the program's own code is left to run.
        facts += [Fact("stack", "the program has run to its end"), Fact("stack", at_exit)]
        return Outcome.HANG_EXIT, 0.8, facts, [hang.outcome, *hang.also]
    facts += hang.facts
    if kills.was_in_group(evidence) and hang.outcome in _WAITS_FOR_WHO_IS_GONE:
        # Whoever waits for an answer of the one that was killed waits for ever.
        also = [hang.outcome, *hang.also]
        return Outcome.OOM_HOST_KILLED, 0.75, [*facts, *kills.facts(evidence)], also
    also = list(hang.also)
    left = scenes.left_for_a_child(picture) or scenes.left_for_a_thread(picture)
    if left is not None:
        facts.append(Fact("stack", left))
        also.append(Outcome.HANG_EXIT)
    return hang.outcome, hang.confidence, facts, also


def _held(memory: MemoryPicture | None) -> list[Fact]:
    if memory is None:
        return []
    text = f"the job held {size(memory.used)} of the {size(memory.limit)} that it may"
    holders = [
        Fact("memory", f"{name} (pid {pid}) held {size(held)}")
        for pid, name, held in memory.holders
    ]
    return [Fact("memory", text), *holders]


def _died(evidence: Evidence) -> Decision:
    matches = [
        signatures.with_own_processes(match, evidence.pids)
        for match in signatures.match(evidence.output)
    ]
    matches = signalled.believed(kills.believed(matches, evidence), evidence)
    own = rank_facts.failure(evidence)
    if own is None:
        return _seen(evidence, matches)
    is_echo = rank_facts.is_echo(own)
    seen = _seen(evidence, matches, is_echo=is_echo)
    outcome, fact = Outcome(own.outcome), Fact("job", own.text)
    if _outranks(evidence, own, seen[0]) or (is_echo and _tells_more(evidence, seen[0], outcome)):
        return seen[0], seen[1], [*seen[2], fact], [outcome, *seen[3]]
    system = [seen[0]] if evidence.signal is not None or kills.was_in_group(evidence) else []
    return outcome, 0.99, [fact], [*system, *others(matches)]


def _outranks(evidence: Evidence, own: Failure, seen: Outcome) -> bool:
    """Whether what the system did to the job stands before a failure that it named itself: it was
    killed for memory, or another rank was the first to die, and of a signal."""
    was_killed = signal.SIGKILL in (evidence.signal, (evidence.exit_code or 0) - 128)
    if was_killed and seen is Outcome.OOM_HOST_KILLED and kills.was_in_group(evidence):
        return True
    return seen.kind in ("oom", "crash") and rank_facts.another_died_first(evidence, own)


def _tells_more(evidence: Evidence, seen: Outcome, named: Outcome) -> bool:
    """Whether what was seen may be the cause of what a rank named, which had failed of another."""
    if seen.kind in ("oom", "crash") and seen is not Outcome.CRASH_ABORT:
        return True
    if named is not Outcome.ERROR_COLLECTIVE or seen in _SAYS_NO_MORE:
        return False
    # A launcher asks the ranks that are left to end, and they may say so.
    return seen is not Outcome.INTERRUPTED or evidence.signal is not None


def _seen(evidence: Evidence, matches: list[Match], *, is_echo: bool = False) -> Decision:
    """The outcome by the system and the log. ``is_echo``: the job says that it only failed of what
    happened to another of its processes."""
    also = others(matches)
    if evidence.signal is not None:
        return signalled.decide(evidence, evidence.signal, matches)
    is_echo = is_echo or (bool(matches) and matches[0].outcome is Outcome.ERROR_COLLECTIVE)
    worker = [match for match in matches if _is_of_loader(match)]
    named = any(kill.name == _WORKER_NAME for kill in evidence.kernel_kills or ())
    if (worker and kills.was_by_kernel(evidence)) or named:
        facts = [*(Fact("output", match.line) for match in worker[:1]), *kills.facts(evidence)]
        return Outcome.OOM_HOST_WORKER, 0.95, facts, [Outcome.CRASH_WORKER, *also]
    if kills.was_in_group(evidence):
        if not matches or is_echo or kills.are_spoken_of(matches[0].line):
            return Outcome.OOM_HOST_KILLED, 0.85, kills.facts(evidence), also
        # Another process was killed, and the job went on: its own end has its own cause.
        outcome, sure, facts, rest = _by_match(matches, evidence)
        facts = [*facts, *kills.facts(evidence)]
        return outcome, min(sure, 0.8), facts, [Outcome.OOM_HOST_KILLED, *rest]
    if evidence.exit_code is not None and evidence.exit_code > 128:
        shell = signalled.of_shell_status(evidence, evidence.exit_code - 128, matches)
        if shell is not None:
            return shell
    crashed = rank_facts.crashed(evidence) if is_echo else None
    if crashed is not None:
        return signalled.decide(evidence, crashed, matches)
    if (nested := _of_a_run_inside(evidence)) is not None:
        return nested
    if matches and device_events.explain(matches[0], evidence.xids):
        near = [matches[0].outcome]
        return Outcome.FAULT_DEVICE, 0.7, [Fact("output", matches[0].line)], near
    if matches:
        return _by_match(matches, evidence)
    if evidence.xids:
        # The device's own word, where the job has none.
        return Outcome.FAULT_DEVICE, 0.7, _last_line(evidence), [Outcome.ERROR_PYTHON]
    if evidence.exit_code == _TIMEOUT_STATUS:
        near = [Outcome.ERROR_PYTHON]
        return Outcome.TIMEOUT, 0.6, [Fact("exit", "exit status 124, as of timeout(1)")], near
    return Outcome.ERROR_PYTHON, 0.6, _last_line(evidence), []


def _of_a_run_inside(evidence: Evidence) -> Decision | None:
    """What a supervisor that the job ran said of its own run, where the status agrees."""
    for line in reversed(evidence.output.splitlines()[-_LAST_LINES:]):
        told = _OWN_SUMMARY.match(line)
        if told is None or told[1] not in Outcome._value2member_map_:
            continue
        outcome = Outcome(told[1])
        if evidence.exit_code == exit_status(outcome):
            return outcome, 0.85, [Fact("output", line[:300])], []
    return None


def _by_match(matches: list[Match], evidence: Evidence) -> Decision:
    best = matches[0]
    if best.outcome is Outcome.CRASH_WORKER and any(
        match.outcome is Outcome.OOM_HOST_KILLED and match.is_system for match in matches
    ):
        best = replace(best, outcome=Outcome.OOM_HOST_WORKER)
    if best.outcome is Outcome.OOM_HOST_KILLED and best.is_system:
        # The kernel names the victim, torch says that it was a worker.
        workers = [match for match in matches if _is_of_loader(match)]
        if workers:
            facts = [*said(best), Fact("output", workers[0].line)]
            return Outcome.OOM_HOST_WORKER, 0.9, facts, [Outcome.OOM_HOST_KILLED]
    near = others(matches)
    if best.outcome is Outcome.OOM_DEVICE_CAPACITY and not best.numbers and _is_foreign(evidence):
        # A message without numbers, as of a context that finds no room: the driver has them.
        best, near = replace(best, outcome=Outcome.OOM_DEVICE_FOREIGN), [best.outcome, *near]
    facts = said(best)
    if best.is_bus and evidence.shm_full:
        facts.append(Fact("shm", "/dev/shm was full"))
    return best.outcome, best.confidence, facts, near


def _is_foreign(evidence: Evidence) -> bool:
    """Whether others hold more of a device than the job does, and a quarter of it."""
    record = evidence.record
    own = (record.torch_peak_reserved or 0) if record is not None else 0
    foreigners = evidence.system.foreigners if evidence.system is not None else ()
    held: dict[int, int] = {}
    for other in foreigners:
        held[other.device] = held.get(other.device, 0) + (other.held or 0)
    totals = {other.device: other.total or 0 for other in foreigners}
    return any(
        total and held[device] > own and held[device] >= FOREIGN_SHARE * total
        for device, total in totals.items()
    )


def _is_of_loader(match: Match) -> bool:
    return match.outcome is Outcome.CRASH_WORKER and bool(_LOADERS.search(match.line))


def _system_facts(outcome: Outcome, evidence: Evidence) -> list[Fact]:
    return system_facts.facts_for(outcome, evidence.system) if evidence.system else []


def _common_facts(evidence: Evidence) -> list[Fact]:
    facts = []
    if evidence.record is not None and evidence.record.pulse.number:
        pulse = evidence.record.pulse
        of = f" of {pulse.total}" if pulse.total else ""
        where = "the work was finished" if evidence.record.finished_s else f"phase {pulse.phase}"
        facts.append(Fact("pulse", f"last pulse: {where}, step {pulse.step}{of}"))
    facts += rank_facts.facts(evidence)
    facts += [Fact("driver", xid) for xid in evidence.xids[:3]]
    ours = {(sent.pid, sent.signal): sent.why for sent in evidence.sent}
    died = [ended for ended in evidence.exits if ended.signal is not None]
    # What died of itself comes first, and is what matters.
    died.sort(key=lambda ended: (ended.pid, ended.signal) in ours)
    for ended in died[:_MOST_EXITS]:
        name = signalled.name(ended.signal or 0)
        why = ours.get((ended.pid, ended.signal or 0))
        by = f", sent by the supervisor ({why})" if why else ""
        facts.append(Fact("exit", f"{ended.name} (pid {ended.pid}) died of {name}{by}"))
    if len(died) > _MOST_EXITS:
        facts.append(Fact("exit", f"{len(died) - _MOST_EXITS} more processes died of a signal"))
    return facts


def _last_line(evidence: Evidence) -> list[Fact]:
    lines = [line.strip() for line in evidence.output.splitlines() if line.strip()]
    exit_fact = Fact("exit", f"exit status {evidence.exit_code}")
    return [exit_fact, Fact("output", lines[-1][:300])] if lines else [exit_fact]
