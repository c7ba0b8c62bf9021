"""Whether the kernel has killed a process of the job for memory, by its counters and its log. Pure.

A kill is counted in the victim's own memory cgroup whatever it was for, so a counter of the job's
group that can be read says more than the machine's, which is everybody's.
"""

from __future__ import annotations

import re
import signal
from dataclasses import replace

from runner.evidence import Evidence, Fact
from runner.outcomes import Outcome
from runner.signatures import Match
from runner.units import size

_SPOKEN_OF = re.compile(
    r"SIGKILL|signal 9|signal: 9|\bKilled\b|\b137\b|-9\b|terminated abruptly|BrokenProcessPool"
    r"|unexpectedly|EOFError|Broken pipe|Connection reset|ConnectionReset|peer|exited|worker",
    re.IGNORECASE,
)


def are_spoken_of(text: str) -> bool:
    """Whether the words may be of a process that somebody killed."""
    return bool(_SPOKEN_OF.search(text))


def was_in_group(evidence: Evidence) -> bool:
    """Whether it surely was a process of the job: by its cgroup's counter or the kernel's log."""
    return bool(evidence.oom_kills_group or evidence.kernel_kills)


def was_by_kernel(evidence: Evidence) -> bool:
    """Only a counter makes a SIGKILL an out-of-memory kill, and never our own SIGKILL."""
    if signal.SIGKILL in evidence.sent_signals:
        return False
    if was_in_group(evidence):
        return True
    silent = evidence.kernel_kills is None and evidence.oom_kills_group is None
    return silent and bool(evidence.oom_kills_machine)


def was_elsewhere(evidence: Evidence) -> bool:
    """Whether the machine counted a kill that the job's own group and the kernel's log deny."""
    return bool(evidence.oom_kills_machine) and not was_by_kernel(evidence)


def is_denied(evidence: Evidence) -> bool:
    """Whether counters could be read, and none has counted a kill for memory."""
    known = (evidence.oom_kills_group, evidence.oom_kills_machine, evidence.kernel_kills)
    return any(one is not None for one in known) and not was_by_kernel(evidence)


def believed(matches: list[Match], evidence: Evidence) -> list[Match]:
    """What the log tells of a process that vanished is a kill for memory only as far as no counter
    denies it. Words of the kernel or a scheduler stand: they may be of another machine."""
    if not is_denied(evidence):
        return matches
    return [
        replace(match, outcome=Outcome.CRASH_KILLED)
        if match.only_a_signal
        else replace(match, outcome=Outcome.CRASH_WORKER, confidence=0.6)
        if match.outcome is Outcome.OOM_HOST_KILLED and not match.is_system
        else match
        for match in matches
    ]


def facts(evidence: Evidence) -> list[Fact]:
    found = []
    for kill in (evidence.kernel_kills or ())[-3:]:
        held = f", which held {size(kill.anonymous)}" if kill.anonymous is not None else ""
        text = f"killed for memory: {kill.name} (pid {kill.pid}){held}"
        found.append(Fact("kernel log", text))
    if evidence.oom_kills_group:
        text = f"the job's memory cgroup counted {evidence.oom_kills_group} kill(s) for memory"
        found.append(Fact("cgroup", text))
    elif evidence.oom_kills_machine:
        text = f"the machine counted {evidence.oom_kills_machine} kill(s) for memory just before"
        if evidence.oom_kills_group is not None:
            text += ", none of them in the job's own cgroup"
        found.append(Fact("vmstat", text))
    return found
