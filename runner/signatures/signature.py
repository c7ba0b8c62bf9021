"""What one known ending is, and what it means that a log fits it."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from runner.device_oom import DeviceOom
from runner.outcomes import Outcome


class Rank(IntEnum):
    """How much a wording tells of the cause."""

    SYMPTOM = 1
    """What a failure elsewhere leads to; counts where no cause is seen."""
    CAUSE = 2
    ENDED = 3
    """The scheduler's, of a job that it ended, and not why: another word of it tells more."""
    SYSTEM = 4
    """Words of the kernel, the scheduler, the container engine or the device's own asserts."""


@dataclass(frozen=True)
class Signature:
    """A wording and the outcome that it stands for."""

    outcome: Outcome
    pattern: str
    near: str | None = None
    """Must stand in the same traceback or the lines around, too."""
    rank: Rank = Rank.CAUSE
    also: tuple[Outcome, ...] = ()
    is_heap: bool = False
    """The C library found its heap destroyed."""
    is_bus: bool = False
    """A bus error, which a full /dev/shm leads to, and a file that was cut."""
    is_pool: bool = False
    """A pool of processes of which one is gone; the same message may tell how it ended."""

    def fits(self, line: str, context: str) -> bool:
        if not compiled(self.pattern).search(line):
            return False
        return self.near is None or bool(compiled(self.near).search(context))


@dataclass(frozen=True)
class Match:
    """A candidate outcome with the line that speaks for it."""

    outcome: Outcome
    line: str
    numbers: str = ""
    """What a device's message tells in bytes."""
    device: DeviceOom | None = None
    """The same as numbers."""
    only_a_signal: bool = False
    """The log says SIGKILL and nothing of memory: only a counter makes that a kill for memory."""
    also: tuple[Outcome, ...] = ()
    confidence: float = 0.9
    is_system: bool = False
    is_heap: bool = False
    is_bus: bool = False


@functools.cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Compiled when first needed: a supervised job that ends well never asks."""
    return re.compile(pattern)


def ending(
    outcome: Outcome,
    *patterns: str,
    near: str | None = None,
    rank: Rank = Rank.CAUSE,
    also: Sequence[Outcome] = (),
    is_heap: bool = False,
    is_bus: bool = False,
    is_pool: bool = False,
) -> Signature:
    """A row of a table: any of the patterns."""
    return Signature(outcome, "|".join(patterns), near, rank, tuple(also), is_heap, is_bus, is_pool)
