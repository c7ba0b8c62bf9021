"""A death by a signal, seen or told by a shell → outcome, confidence, evidence. Pure."""

from __future__ import annotations

import signal
from dataclasses import replace

from runner import kills
from runner.evidence import Evidence, Fact
from runner.outcomes import Outcome
from runner.signatures import STARVED, Match, deaths

Decision = tuple[Outcome, float, list[Fact], list[Outcome]]
"""Outcome, confidence, evidence, and what else fits."""

CRASHES = frozenset((signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE))
"""What a process brings upon itself. An abort is not among them: a collective that failed ends in
one too."""
_OWN = CRASHES | {signal.SIGABRT, signal.SIGTRAP, signal.SIGSYS, signal.SIGXFSZ}
_ASKED_FOR = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def decide(evidence: Evidence, number: int, matches: list[Match]) -> Decision:
    died = Fact("exit", f"died of {name(number)}")
    also = others(matches)
    if number == signal.SIGKILL:
        return _killed(evidence, died, matches)
    if number == signal.SIGBUS:
        return _bus_error(evidence, died, matches)
    if number == signal.SIGABRT:
        return _aborted(evidence, died, matches)
    if number == signal.SIGSEGV:
        return Outcome.CRASH_SEGV, 0.95, [died], also
    if number == signal.SIGXFSZ:
        return Outcome.ERROR_DISK, 0.8, [died], [Outcome.CRASH_SIGNAL, *also]
    told = _told_by_system(matches) if number not in _OWN else None
    if told is not None:
        # A scheduler warns, and ends, with whatever signal it was set up for.
        return told.outcome, told.confidence, [died, *said(told)], also
    if number == signal.SIGINT and _was_starved(matches):
        return matches[0].outcome, 0.7, [died, *said(matches[0])], also
    if number in _ASKED_FOR:
        return Outcome.INTERRUPTED, 0.7, [died], [Outcome.CRASH_SIGNAL, *also]
    if number == signal.SIGXCPU:
        return Outcome.TIMEOUT, 0.8, [died], [Outcome.CRASH_SIGNAL, *also]
    return Outcome.CRASH_SIGNAL, 0.9, [died], also


def of_shell_status(evidence: Evidence, number: int, matches: list[Match]) -> Decision | None:
    """128 + n is how a shell reports that its child died of signal n; None where it is no such.

    The shell's word is all that is known of the child, so what the log says weighs more than
    beside a death that was seen.
    """
    if number not in deaths.KNOWN:
        return None
    told = next((match for match in matches if match.only_a_signal), None)
    if number == signal.SIGKILL and told is not None and told.outcome is Outcome.OOM_HOST_KILLED:
        evidence = replace(evidence, is_observed=False)
    if number == signal.SIGABRT:
        evidence = replace(evidence, is_observed=False)
    outcome, confidence, facts, also = decide(evidence, number, matches)
    exited = Fact("exit", f"exit status {evidence.exit_code}, as of {name(number)}")
    speaks = next((match for match in matches if match.outcome is outcome), None)
    facts = [exited, *facts[1:]]
    if evidence.is_observed:
        # Any program may end with such a status; here it was no signal that was seen.
        also = [*also, Outcome.ERROR_PYTHON]
    if speaks is not None and len(facts) == 1:
        facts += said(speaks)
    return outcome, min(confidence, 0.85), facts, also


def others(matches: list[Match]) -> list[Outcome]:
    """What else fits: what the best match nearly is, then the runners-up."""
    if not matches:
        return []
    return [*matches[0].also, *(match.outcome for match in matches[:4])]


def said(match: Match) -> list[Fact]:
    facts = [Fact("output", match.line)]
    return [*facts, Fact("device", match.numbers)] if match.numbers else facts


def name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def believed(matches: list[Match], evidence: Evidence) -> list[Match]:
    """A bus error is put down to shared memory, as torch's own words do, unless there was always
    room in it."""
    if evidence.shm_full is not False:
        return matches
    return [
        replace(match, outcome=match.also[0], also=(match.outcome,), confidence=0.7)
        if match.is_bus and match.also
        else match
        for match in matches
    ]


def _bus_error(evidence: Evidence, died: Fact, matches: list[Match]) -> Decision:
    also = others(matches)
    if evidence.shm_full:
        facts = [died, Fact("shm", "/dev/shm was full")]
        return Outcome.OOM_SHM, 0.95, facts, [Outcome.CRASH_SIGNAL, *also]
    if evidence.system and evidence.system.disks_filled:
        # A file that is mapped gets its blocks when its pages are written to.
        return Outcome.ERROR_DISK, 0.85, [died], [Outcome.CRASH_SIGNAL, *also]
    told = next((match for match in matches if match.outcome is Outcome.OOM_SHM), None)
    if told is not None and (not evidence.is_observed or "shm" in told.line):
        return Outcome.OOM_SHM, 0.9, [died], [Outcome.CRASH_SIGNAL, *also]
    if not evidence.is_observed:
        return Outcome.OOM_SHM, 0.6, [died], [Outcome.CRASH_SIGNAL, *also]
    room = [Fact("shm", "/dev/shm had room at every look")] if evidence.shm_full is False else []
    return Outcome.CRASH_SIGNAL, 0.8, [died, *room], [Outcome.OOM_SHM, *also]


def _aborted(evidence: Evidence, died: Fact, matches: list[Match]) -> Decision:
    """An abort with a known message is that message's outcome: glibc, CUDA and C++ abort."""
    also = others(matches)
    told = next((match for match in matches if not _is_vague(match)), None)
    if told is None or (told.is_heap and evidence.is_observed):
        # Where it was seen to abort, that is what happened, whatever destroyed the heap.
        facts = [died, *said(told)] if told else [died]
        return Outcome.CRASH_ABORT, 0.95, facts, also
    return told.outcome, 0.85, [died, *said(told)], also


def _is_vague(match: Match) -> bool:
    """An exception that nothing is known of, or the abort itself."""
    return match.outcome in (Outcome.ERROR_PYTHON, Outcome.CRASH_ABORT)


def _killed(evidence: Evidence, died: Fact, matches: list[Match]) -> Decision:
    also = others(matches)
    if kills.was_by_kernel(evidence):
        # The machine's counter alone may have counted somebody else's process.
        sure = kills.was_in_group(evidence)
        rest = also if sure else [Outcome.CRASH_KILLED, *also]
        return Outcome.OOM_HOST_KILLED, 0.97 if sure else 0.7, [died, *kills.facts(evidence)], rest
    denied = Outcome.OOM_HOST_KILLED if kills.is_denied(evidence) else None
    told = _told_by_system(matches, denied)
    if told is not None:
        return told.outcome, 0.9, [died, *said(told)], also
    if not evidence.is_observed:
        # No counter can be asked; of what kills a job without a word, memory is the usual cause.
        return Outcome.OOM_HOST_KILLED, 0.55, [died], [Outcome.CRASH_KILLED, *also]
    if kills.was_elsewhere(evidence) and signal.SIGKILL not in evidence.sent_signals:
        # Where the kernel's log could be asked, it has named the others' process.
        near = [Outcome.OOM_HOST_KILLED] if evidence.kernel_kills is None else []
        return Outcome.CRASH_KILLED, 0.7, [died, *kills.facts(evidence)], [*near, *also]
    return Outcome.CRASH_KILLED, 0.8, [died], also


def _told_by_system(matches: list[Match], denied: Outcome | None = None) -> Match | None:
    """What a scheduler or a kernel says in the log: a time limit, a cancelled job, memory."""
    ends = {Outcome.TIMEOUT, Outcome.INTERRUPTED, Outcome.OOM_HOST_KILLED} - {denied}
    return next((m for m in matches if m.is_system and m.outcome in ends), None)


def _was_starved(matches: list[Match]) -> bool:
    """Whether a thread that others wait for had failed before the user gave up."""
    return (
        bool(matches)
        and matches[0].outcome in STARVED
        and any(match.outcome is Outcome.INTERRUPTED for match in matches)
    )
