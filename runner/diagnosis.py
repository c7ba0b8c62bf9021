"""Evidence → outcome, confidence, advice. Pure.

What the operating system says outranks what the log says; a message counts only where the exit
agrees with it; the most specific cause wins; what else fits is listed.
"""

from __future__ import annotations

import re
import signal
from dataclasses import replace

from runner import device_events, rank_facts, scenes, signatures, system_facts
from runner.advice import advice_for
from runner.evidence import Diagnosis, Evidence, Fact, MemoryPicture, Stop
from runner.outcomes import Outcome, exit_status
from runner.signatures import Match, deaths
from runner.units import size

_WORKER_NAME = "pt_data_worker"
"""What torch calls its loader's processes."""
_TIMEOUT_STATUS = 124
_MOST_EXITS = 6
_LAST_LINES = 30
_OF_AN_EXIT = (Outcome.HANG_LOCK, Outcome.HANG_IO, Outcome.HANG_UNKNOWN)
"""What a process that has only to leave may look like."""
_OWN_SUMMARY = re.compile(r"([a-z]+(?:\.[a-z]+)*): .{1,200}; .{1,200}/report\.(?:html|md)$")
"""The line in which a supervisor says how its run ended."""
_OF_A_KILL = re.compile(
    r"SIGKILL|signal 9|signal: 9|\bKilled\b|\b137\b|-9\b|terminated abruptly|BrokenProcessPool"
    r"|unexpectedly|EOFError|Broken pipe|Connection reset|ConnectionReset|peer|exited|worker",
    re.IGNORECASE,
)
"""What is said of a process that somebody killed."""


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


_Decision = tuple[Outcome, float, list[Fact], list[Outcome]]


def _decide(evidence: Evidence) -> _Decision:
    if evidence.start_error is not None:
        return Outcome.ERROR_USAGE, 1.0, [Fact("start", evidence.start_error)], []
    if evidence.stopped_for is not None:
        return _stopped(evidence, evidence.stopped_for)
    if evidence.exit_code == 0:
        return Outcome.OK, 1.0, [Fact("exit", "exit status 0")], []
    return _died(evidence)


def _stopped(evidence: Evidence, stop: Stop) -> _Decision:
    if stop is Stop.INTERRUPT:
        return Outcome.INTERRUPTED, 1.0, [Fact("signal", "the user asked for the end")], []
    if stop is Stop.DEADLINE:
        return Outcome.TIMEOUT, 1.0, [Fact("clock", "the deadline passed")], []
    if stop is Stop.MEMORY_LIMIT:
        return Outcome.OOM_HOST_LIMIT, 1.0, _held(evidence.memory), []
    picture = evidence.stall
    facts = (
        [Fact("pulse", f"no progress for {picture.quiet_s:.1f} s (limit {picture.limit_s:.0f} s)")]
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
    return hang.outcome, hang.confidence, facts + list(hang.facts), list(hang.also)


def _held(memory: MemoryPicture | None) -> list[Fact]:
    if memory is None:
        return []
    text = f"the job held {size(memory.used)} of the {size(memory.limit)} that it may"
    holders = [
        Fact("memory", f"{name} (pid {pid}) held {size(held)}")
        for pid, name, held in memory.holders
    ]
    return [Fact("memory", text), *holders]


def _died(evidence: Evidence) -> _Decision:
    matches = _believed(signatures.match(evidence.output), evidence)
    also = _others(matches)
    own = rank_facts.failure(evidence)
    if own is not None and own[0] in Outcome._value2member_map_:
        return Outcome(own[0]), 0.99, [Fact("job", own[1])], also
    if evidence.signal is not None:
        return _signalled(evidence, evidence.signal, matches)
    worker = [match for match in matches if match.outcome is Outcome.CRASH_WORKER]
    named = any(kill.name == _WORKER_NAME for kill in evidence.kernel_kills or ())
    if (worker and _kernel_killed(evidence)) or named:
        facts = [*(Fact("output", match.line) for match in worker[:1]), *_kill_facts(evidence)]
        return Outcome.OOM_HOST_WORKER, 0.95, facts, [Outcome.CRASH_WORKER, *also]
    forgiven = bool(matches) and not _OF_A_KILL.search(matches[0].line)
    if (evidence.oom_kills_group or evidence.kernel_kills) and forgiven:
        # Another process was killed, and the job went on: its own end has its own cause.
        outcome, sure, facts, others = _by_match(matches, evidence)
        return (
            outcome,
            min(sure, 0.8),
            [*facts, *_kill_facts(evidence)],
            [Outcome.OOM_HOST_KILLED, *others],
        )
    if evidence.oom_kills_group or evidence.kernel_kills:
        return Outcome.OOM_HOST_KILLED, 0.85, _kill_facts(evidence), also
    if evidence.exit_code is not None and evidence.exit_code > 128:
        shell = _of_shell_status(evidence, evidence.exit_code - 128, matches)
        if shell is not None:
            return shell
    if (nested := _of_a_run_inside(evidence)) is not None:
        return nested
    if matches and device_events.explain(matches[0], evidence.xids):
        others = [matches[0].outcome]
        return Outcome.FAULT_DEVICE, 0.7, [Fact("output", matches[0].line)], others
    if matches:
        return _by_match(matches, evidence)
    if evidence.xids:
        # The device's own word, where the job has none.
        return Outcome.FAULT_DEVICE, 0.7, _last_line(evidence), [Outcome.ERROR_PYTHON]
    if evidence.exit_code == _TIMEOUT_STATUS:
        others = [Outcome.ERROR_PYTHON]
        return Outcome.TIMEOUT, 0.6, [Fact("exit", "exit status 124, as of timeout(1)")], others
    return Outcome.ERROR_PYTHON, 0.6, _last_line(evidence), []


def _of_a_run_inside(evidence: Evidence) -> _Decision | None:
    """What a supervisor that the job ran said of its own run, where the status agrees."""
    for line in reversed(evidence.output.splitlines()[-_LAST_LINES:]):
        told = _OWN_SUMMARY.match(line)
        if told is None or told[1] not in Outcome._value2member_map_:
            continue
        outcome = Outcome(told[1])
        if evidence.exit_code == exit_status(outcome):
            return outcome, 0.85, [Fact("output", line[:300])], []
    return None


def _by_match(matches: list[Match], evidence: Evidence) -> _Decision:
    best = matches[0]
    if best.outcome is Outcome.CRASH_WORKER and any(
        match.outcome is Outcome.OOM_HOST_KILLED and match.is_system for match in matches
    ):
        best = replace(best, outcome=Outcome.OOM_HOST_WORKER)
    if best.outcome is Outcome.OOM_HOST_KILLED and best.is_system:
        # The kernel names the victim, torch says that it was a worker.
        workers = [match for match in matches if match.outcome is Outcome.CRASH_WORKER]
        if workers:
            facts = [*_said(best), Fact("output", workers[0].line)]
            return Outcome.OOM_HOST_WORKER, 0.9, facts, [Outcome.OOM_HOST_KILLED]
    return best.outcome, best.confidence, _said(best), _others(matches)


def _others(matches: list[Match]) -> list[Outcome]:
    """What else fits: what the best match nearly is, then the runners-up."""
    if not matches:
        return []
    return [*matches[0].also, *(match.outcome for match in matches[:4])]


def _signalled(evidence: Evidence, number: int, matches: list[Match]) -> _Decision:
    died = Fact("exit", f"died of {_signal_name(number)}")
    also = _others(matches)
    if number == signal.SIGKILL:
        return _killed(evidence, died, matches)
    if number == signal.SIGBUS and evidence.shm_full:
        return Outcome.OOM_SHM, 0.95, [died, Fact("shm", "/dev/shm was full")], also
    if number == signal.SIGBUS and evidence.system and evidence.system.disks_filled:
        # A file that is mapped gets its blocks when its pages are written to.
        return Outcome.ERROR_DISK, 0.85, [died], [Outcome.CRASH_SIGNAL, *also]
    if number == signal.SIGBUS and any(
        m.outcome is Outcome.OOM_SHM and (not evidence.is_observed or "shm" in m.line)
        for m in matches
    ):
        return Outcome.OOM_SHM, 0.9, [died], also
    if number == signal.SIGBUS and not evidence.is_observed:
        return Outcome.OOM_SHM, 0.6, [died], [Outcome.CRASH_SIGNAL, *also]
    if number == signal.SIGABRT:
        return _aborted(evidence, died, matches)
    if number == signal.SIGSEGV:
        return Outcome.CRASH_SEGV, 0.95, [died], also
    if number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        told = _told_by_system(matches)
        if told is not None:
            return told.outcome, told.confidence, [died, *_said(told)], also
        return Outcome.INTERRUPTED, 0.7, [died], [Outcome.CRASH_SIGNAL, *also]
    if number == signal.SIGXFSZ:
        return Outcome.ERROR_DISK, 0.8, [died], [Outcome.CRASH_SIGNAL, *also]
    if number == signal.SIGXCPU:
        return Outcome.TIMEOUT, 0.8, [died], [Outcome.CRASH_SIGNAL, *also]
    return Outcome.CRASH_SIGNAL, 0.9, [died], also


def _aborted(evidence: Evidence, died: Fact, matches: list[Match]) -> _Decision:
    """An abort with a known message is that message's outcome: glibc, CUDA and C++ abort."""
    also = _others(matches)
    told = next((match for match in matches if not _is_vague(match)), None)
    if told is None or (told.is_heap and evidence.is_observed):
        # Where it was seen to abort, that is what happened, whatever destroyed the heap.
        facts = [died, *_said(told)] if told else [died]
        return Outcome.CRASH_ABORT, 0.95, facts, also
    return told.outcome, 0.85, [died, *_said(told)], also


def _is_vague(match: Match) -> bool:
    """An exception that nothing is known of, or the abort itself."""
    return match.outcome in (Outcome.ERROR_PYTHON, Outcome.CRASH_ABORT)


def _told_by_system(matches: list[Match]) -> Match | None:
    """What a scheduler or a kernel says in the log: a time limit, a cancelled job, memory."""
    ends = (Outcome.TIMEOUT, Outcome.INTERRUPTED, Outcome.OOM_HOST_KILLED)
    return next((m for m in matches if m.is_system and m.outcome in ends), None)


def _killed(evidence: Evidence, died: Fact, matches: list[Match]) -> _Decision:
    also = _others(matches)
    if _kernel_killed(evidence):
        # The machine's counter alone may have counted somebody else's process.
        sure = bool(evidence.oom_kills_group or evidence.kernel_kills)
        others = also if sure else [Outcome.CRASH_KILLED, *also]
        facts = [died, *_kill_facts(evidence)]
        return Outcome.OOM_HOST_KILLED, 0.97 if sure else 0.7, facts, others
    told = _told_by_system(matches)
    if told is not None and not (told.outcome is Outcome.OOM_HOST_KILLED and _is_denied(evidence)):
        return told.outcome, 0.9, [died, *_said(told)], also
    if not evidence.is_observed:
        # No counter can be asked; of what kills a job without a word, memory is the usual cause.
        return Outcome.OOM_HOST_KILLED, 0.55, [died], [Outcome.CRASH_KILLED, *also]
    return Outcome.CRASH_KILLED, 0.8, [died], also


def _believed(matches: list[Match], evidence: Evidence) -> list[Match]:
    """What the log tells of a process that vanished is a kill for memory only as far as no counter
    denies it. Words of the kernel or a scheduler stand: they may be of another machine."""
    if not _is_denied(evidence):
        return matches
    return [
        replace(match, outcome=Outcome.CRASH_KILLED)
        if match.only_a_signal
        else replace(match, outcome=Outcome.CRASH_WORKER, confidence=0.6)
        if match.outcome is Outcome.OOM_HOST_KILLED and not match.is_system
        else match
        for match in matches
    ]


def _is_denied(evidence: Evidence) -> bool:
    """Whether counters could be read, and none has counted a kill for memory."""
    known = (evidence.oom_kills_group, evidence.oom_kills_machine, evidence.kernel_kills)
    return any(one is not None for one in known) and not _kernel_killed(evidence)


def _said(match: Match) -> list[Fact]:
    facts = [Fact("output", match.line)]
    return [*facts, Fact("device", match.numbers)] if match.numbers else facts


def _of_shell_status(evidence: Evidence, number: int, matches: list[Match]) -> _Decision | None:
    """128 + n is how a shell reports that its child died of signal n; None where it is no such.

    The shell's word is all that is known of the child, so what the log says weighs more than
    beside a death that was seen.
    """
    if number not in deaths.KNOWN:
        return None
    told = next((match for match in matches if match.only_a_signal), None)
    if number == signal.SIGKILL and told is not None and told.outcome is Outcome.OOM_HOST_KILLED:
        evidence = replace(evidence, is_observed=False)
    if number in (signal.SIGABRT, signal.SIGBUS):
        evidence = replace(evidence, is_observed=False)
    outcome, confidence, facts, also = _signalled(evidence, number, matches)
    exited = Fact("exit", f"exit status {evidence.exit_code}, as of {_signal_name(number)}")
    said = next((match for match in matches if match.outcome is outcome), None)
    facts = [exited, *facts[1:]]
    if evidence.is_observed:
        # Any program may end with such a status; here it was no signal that was seen.
        also = [*also, Outcome.ERROR_PYTHON]
    if said is not None and len(facts) == 1:
        facts += _said(said)
    return outcome, min(confidence, 0.85), facts, also


def _kernel_killed(evidence: Evidence) -> bool:
    """Only a counter makes a SIGKILL an out-of-memory kill, and never our own SIGKILL."""
    if signal.SIGKILL in evidence.sent_signals:
        return False
    if evidence.oom_kills_group or evidence.kernel_kills:
        return True
    # The machine's counter is everybody's; where the kernel's log is readable it says whose.
    return evidence.kernel_kills is None and bool(evidence.oom_kills_machine)


def _kill_facts(evidence: Evidence) -> list[Fact]:
    facts = []
    for kill in (evidence.kernel_kills or ())[-3:]:
        held = f", which held {size(kill.anonymous)}" if kill.anonymous is not None else ""
        text = f"killed for memory: {kill.name} (pid {kill.pid}){held}"
        facts.append(Fact("kernel log", text))
    if evidence.oom_kills_group:
        text = f"the job's memory cgroup counted {evidence.oom_kills_group} kill(s) for memory"
        facts.append(Fact("cgroup", text))
    elif evidence.oom_kills_machine:
        text = f"the machine counted {evidence.oom_kills_machine} kill(s) for memory just before"
        facts.append(Fact("vmstat", text))
    return facts


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
        name = _signal_name(ended.signal or 0)
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


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
