"""The flight recorders of an attempt: that of the job's first process, and those that the other
ranks of it put beside.

Ranks that train together wait for one another: when one is stuck, all stand still within a step. So
the one that stands still the longest is asked about, but not while it may be waiting for another.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from probes import pulse
from probes.pulse import Pulse, Reader, Record

_LOOK_S = 0.5
"""Between two looks for more recorders."""
_MOST = 1024
_NAMED = 4
"""Ranks that a sentence names."""
WAITING = frozenset(("ranks", "backward", "device"))
"""Phases in which a rank may wait for the others: for what it says or asks itself, for the
gradients of all, for a device in whose queue a collective is."""


@dataclass(frozen=True)
class Standing:
    """Where a rank was last seen."""

    rank: int
    pulse: Pulse
    at_s: float = 0.0
    """When it was made, on the supervisor's clock."""
    finished_s: float | None = None
    """When it said that its work was committed."""

    @property
    def may_wait(self) -> bool:
        return self.pulse.phase in WAITING


def hindmost(standings: Sequence[Standing]) -> Standing | None:
    """The rank whose last pulse is the job's last progress (pure); None before the first pulse."""
    pulsed = [one for one in standings if one.pulse.number]
    working = [one for one in pulsed if one.finished_s is None] or pulsed
    if not working:
        return None
    leading = [one for one in working if not one.may_wait]
    if leading:
        return min(leading, key=lambda one: one.at_s)
    return max(working, key=lambda one: one.at_s)


def all_finished_s(standings: Sequence[Standing]) -> float | None:
    """When the last rank had finished (pure); None while one has not."""
    ends = [one.finished_s for one in standings if one.pulse.number]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def culprits(standings: Sequence[Standing]) -> list[Standing]:
    """The ranks that others wait for (pure): those in no phase of waiting, where others are in
    one. The longest still first."""
    working = [one for one in standings if one.pulse.number and one.finished_s is None]
    if not any(one.may_wait for one in working):
        return []
    return sorted((one for one in working if not one.may_wait), key=lambda one: one.at_s)


def words(standings: Sequence[Standing]) -> str:
    """``rank 1 stands in data at step 12, the other in backward`` (pure); empty for one rank."""
    pulsed = [one for one in standings if one.pulse.number]
    if len(pulsed) < 2:
        return ""
    guilty = culprits(pulsed)
    first = guilty or pulsed
    told = [
        f"rank {one.rank} stands in {one.pulse.phase} at step {one.pulse.step}"
        for one in first[:_NAMED]
    ]
    if len(first) > _NAMED:
        told.append(f"{len(first) - _NAMED} more likewise")
    rest = [one for one in pulsed if one not in first]
    if rest:
        phases = " or ".join(dict.fromkeys(one.pulse.phase for one in rest))
        told.append(f"the other{'s' if len(rest) > 1 else ''} in {phases}")
    return ", ".join(told)


class RankPulses:
    """Reads them all; ``first`` is that of the job's first process on this machine."""

    def __init__(self, path: Path) -> None:
        self.first = Reader(path)
        self._path = path
        self._others: dict[Path, Reader] = {}
        self._looked = 0.0

    def close(self) -> None:
        for reader in self._readers():
            reader.close()

    def standings(self) -> list[Standing]:
        """Every rank that has a recorder, the first process first."""
        self._look_for_more(time.monotonic())
        return [
            Standing(reader.rank(), reader.newest(), finished_s=reader.finished_s())
            for reader in self._readers()
        ]

    def records(self) -> tuple[Record, ...]:
        """Everything of every rank that has recorded, by rank."""
        self._looked = 0.0
        self._look_for_more(time.monotonic())
        found = [reader.record() for reader in self._readers()]
        return tuple(sorted((one for one in found if one.pid), key=lambda one: one.rank))

    def _readers(self) -> Iterable[Reader]:
        return (self.first, *self._others.values())

    def _look_for_more(self, now: float) -> None:
        if now < self._looked + _LOOK_S:
            return
        self._looked = now
        for path in pulse.others(self._path)[:_MOST]:
            if path not in self._others:
                with suppress(OSError):
                    self._others[path] = Reader(path)


def tidy(path: Path) -> None:
    """Take away the recorders beside ``path``."""
    for other in pulse.others(path):
        with suppress(OSError):
            other.unlink()
