"""The run's own limit of host memory. Pure: what is measured comes in as numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

WARN_AT = 0.9
_CALM_AGAIN = 0.85
_RUNAWAY = 1.05
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_FORM = re.compile(r"(\d+(?:\.\d+)?)\s*(%|[KMGT]?)(?:i?B)?", re.IGNORECASE)
_LEAST = 1 << 20


class Finding(Enum):
    FINE = "fine"
    NEAR = "near"
    """Nine tenths are used: said once, until it falls again."""
    OVER = "over"


@dataclass(frozen=True)
class MemoryLimit:
    """``20G`` or ``80%``."""

    size: int | None = None
    """Bytes."""
    share: float | None = None
    """Of what the job may use: the cgroup's limit, else the machine's memory."""

    def of(self, available: int) -> int:
        """Bytes, where ``available`` may be used."""
        return self.size if self.size is not None else int((self.share or 0.0) * available)


def parse(text: str) -> MemoryLimit:
    """``20G``, ``20GiB``, ``512M``, ``1073741824``, ``80%``: binary units, as memory is sold.

    Raises ValueError, saying what fits.
    """
    found = _FORM.fullmatch(text.strip())
    expected = "expected a size like 20G or 512M, or a share like 80%"
    if found is None:
        raise ValueError(expected)
    number, unit = float(found[1]), found[2].upper()
    if unit == "%":
        if not 0 < number <= 100:
            raise ValueError(f"{expected}, above 0 and up to 100%")
        return MemoryLimit(share=number / 100)
    size = int(number * _UNITS[unit])
    if size < _LEAST:
        raise ValueError(f"{expected}, at least 1M")
    return MemoryLimit(size=size)


@dataclass(frozen=True)
class Watch:
    """The limit and whether nearness to it has been said."""

    limit: int
    said: bool = False

    def is_worth_a_look(self, upper_bound: int) -> bool:
        """Whether a figure that is too high at worst, as RSS is, leaves the question open."""
        return upper_bound >= _CALM_AGAIN * self.limit or self.said

    def look(self, used: int) -> tuple[Finding, Watch]:
        """What ``used`` bytes mean, and the watch for the next look."""
        if used >= self.limit:
            return Finding.OVER, self
        if used >= WARN_AT * self.limit:
            return (Finding.FINE if self.said else Finding.NEAR), Watch(self.limit, True)
        return Finding.FINE, Watch(self.limit, self.said and used >= _CALM_AGAIN * self.limit)

    def has_run_away(self, upper_bound: int) -> bool:
        """Whether it goes on growing after it was told to end: no time is left for grace."""
        return upper_bound > _RUNAWAY * self.limit
