"""Pulses, clock and limits → verdict. Pure: no clock is read and nothing is waited for here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Finding(Enum):
    FINE = "fine"
    QUIET = "quiet"
    """Half of the time without progress has passed: worth a line, nothing more."""
    STALL = "stall"
    EXIT_STALL = "exit-stall"
    """The work was committed and the process does not end."""
    DEADLINE = "deadline"


@dataclass(frozen=True)
class Limits:
    """Seconds; 0 switches a limit off."""

    watchdog: float
    phases: Mapping[str, float] = field(default_factory=dict)
    """A phase's own time without progress, in place of ``watchdog``."""
    deadline: float = 0.0

    def of(self, phase: str) -> float:
        return self.phases.get(phase, self.watchdog)


@dataclass(frozen=True)
class Verdict:
    finding: Finding
    quiet_s: float
    """Time without progress that counts."""
    limit_s: float
    """The limit that it was held against; 0: none."""


@dataclass(frozen=True)
class Observation:
    """What is known at one look. Times in seconds on the monotonic clock."""

    now: float
    started: float
    last_progress: float
    phase: str
    finished: float | None = None
    """When the work was committed."""
    standstill: float = 0.0
    """Time since ``last_progress`` in which nobody could have seen progress."""
    standstill_total: float = 0.0
    """The same since ``started``."""


def judge(limits: Limits, seen: Observation) -> Verdict:
    """The verdict of one look. The deadline outranks a stall: it needs no explanation."""
    quiet = max(0.0, seen.now - seen.last_progress - seen.standstill)
    limit = limits.of(seen.phase)
    ran = seen.now - seen.started - seen.standstill_total
    if limits.deadline and ran >= limits.deadline and seen.finished is None:
        return Verdict(Finding.DEADLINE, quiet, limits.deadline)
    if limit and quiet >= limit:
        stalled = Finding.STALL if seen.finished is None else Finding.EXIT_STALL
        return Verdict(stalled, quiet, limit)
    if limit and quiet >= limit / 2:
        return Verdict(Finding.QUIET, quiet, limit)
    return Verdict(Finding.FINE, quiet, limit)


@dataclass(frozen=True)
class Standstill:
    """Time in which the supervisor itself did not run: stopped, frozen, or the machine suspended.

    A look that comes much later than asked for proves it; that time does not count against the job.
    """

    looked: float
    since_progress: float = 0.0
    total: float = 0.0

    def look(self, now: float, expected: float, progress: bool) -> Standstill:
        """The next look at ``now``, asked for ``expected`` seconds after the last one."""
        late = now - self.looked - expected
        lost = late if late > max(1.0, 2 * expected) else 0.0
        since = 0.0 if progress else self.since_progress + lost
        return Standstill(now, since, self.total + lost)
