"""Samples over time, made small enough for a page without losing a peak. Pure.

A line of half a million points is drawn on a thousand pixels: of each stretch of time only the
lowest and the highest value can be seen. Those are kept, and nothing is averaged: the peaks of the
page are the peaks of the run.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

BUCKETS = 1500
"""Stretches of time that a line is divided into: more than a screen has columns for."""
SHARES = 120
"""The same for the bars that tell the share of each phase: a browser draws each with its pattern,
and of a run with many phases that takes as long as all lines together."""

Number = int | float


@dataclass(frozen=True)
class Series:
    """A quantity over time. ``at_s`` rises; the two are of equal length."""

    name: str
    at_s: Sequence[float]
    values: Sequence[Number]

    def peak(self) -> tuple[float, Number] | None:
        """(time, value) of the first of the largest values."""
        if not self.values:
            return None
        index = max(range(len(self.values)), key=self.values.__getitem__)
        return self.at_s[index], self.values[index]


@dataclass(frozen=True)
class Stretch:
    """Consecutive samples that tell the same, from the first to the first that tells another."""

    name: str
    begin_s: float
    end_s: float

    @property
    def seconds(self) -> float:
        return self.end_s - self.begin_s


@dataclass(frozen=True)
class Samples:
    """The samples of a run, oldest first, a column each."""

    at_s: Sequence[float] = ()
    """Seconds since the beginning of the run."""
    attempt: Sequence[int] = ()
    phase: Sequence[str] = ()
    step: Sequence[int] = ()
    columns: Mapping[str, Sequence[Number | None]] = field(default_factory=dict)
    """Bytes by name (``host_pss``, ``device_used.0``, …); None where it was not read."""

    def __len__(self) -> int:
        return len(self.at_s)

    def series(self, name: str) -> Series:
        """The values that were read of a column."""
        values = self.columns.get(name, ())
        if None not in values:
            return Series(name, self.at_s[: len(values)], values)  # type: ignore[arg-type]
        known = [
            (at, value) for at, value in zip(self.at_s, values, strict=False) if value is not None
        ]
        return Series(name, [at for at, _ in known], [value for _, value in known])


def thinned(series: Series, buckets: int = BUCKETS) -> Series:
    """At most ``2 * buckets + 2`` of its points, in order: the first, the last, and of each of
    ``buckets`` equal stretches of time the lowest and the highest."""
    at_s, values = series.at_s, series.values
    count = len(at_s)
    if count <= 2 * buckets + 2:
        return series
    kept = {0, count - 1}
    width = (at_s[-1] - at_s[0]) / buckets
    begin = 0
    for bucket in range(1, buckets + 1):
        end = count if bucket == buckets else bisect_left(at_s, at_s[0] + bucket * width, begin)
        if end > begin:
            part = values[begin:end]
            kept.add(begin + part.index(min(part)))
            kept.add(begin + part.index(max(part)))
        begin = end
    order = sorted(kept)
    return Series(series.name, [at_s[i] for i in order], [values[i] for i in order])


def stretches(at_s: Sequence[float], names: Sequence[str], end_s: float) -> list[Stretch]:
    """Consecutive equal names as one; the last lasts to ``end_s``. Empty names are left out."""
    found: list[Stretch] = []
    begin = 0
    for index in range(1, len(names) + 1):
        if index == len(names) or names[index] != names[begin]:
            until = max(end_s, at_s[-1]) if index == len(names) else at_s[index]
            if names[begin]:
                found.append(Stretch(names[begin], at_s[begin], until))
            begin = index
    return found


@dataclass(frozen=True)
class Mix:
    """A time of which it is known how much went to what, and not in which order."""

    begin_s: float
    end_s: float
    parts: Mapping[str, float]
    """Seconds by name; they add up to the whole."""


def mixes(parts: Sequence[Stretch]) -> list[Mix]:
    """Stretches as such times, of one name each."""
    return [Mix(part.begin_s, part.end_s, {part.name: part.seconds}) for part in parts]


def totals(times: Sequence[Mix]) -> dict[str, float]:
    """Seconds by name, the longest first."""
    found: dict[str, float] = {}
    for time in times:
        for name, seconds in time.parts.items():
            found[name] = found.get(name, 0.0) + seconds
    return dict(sorted(found.items(), key=lambda item: -item[1]))


@dataclass(frozen=True)
class Shares:
    """How much of each of equal stretches of time went to each name."""

    width_s: float
    middle_s: Sequence[float]
    parts: Mapping[str, Sequence[float]]
    """0 … 1 for each stretch, by name, the name with the longest time first."""


def shares(times: Sequence[Mix], buckets: int = SHARES) -> Shares:
    """``times`` in order and without overlap."""
    times = [time for time in times if time.end_s > time.begin_s]
    if not times:
        return Shares(0.0, (), {})
    begin_s = times[0].begin_s
    width = (times[-1].end_s - begin_s) / buckets
    found = {name: [0.0] * buckets for name in totals(times)}
    for time in times:
        first = min(int((time.begin_s - begin_s) / width), buckets - 1)
        last = min(int((time.end_s - begin_s) / width), buckets - 1)
        for bucket in range(first, last + 1):
            from_s = max(time.begin_s, begin_s + bucket * width)
            to_s = min(time.end_s, begin_s + (bucket + 1) * width)
            overlap = max(0.0, to_s - from_s) / width / (time.end_s - time.begin_s)
            for name, seconds in time.parts.items():
                found[name][bucket] += overlap * seconds
    middle = [begin_s + (bucket + 0.5) * width for bucket in range(buckets)]
    return Shares(width, middle, found)


def risen(steps: Sequence[int]) -> bool:
    """Whether a count went up at all."""
    return any(b > a for a, b in pairwise(steps))
