"""Whether the workers of a job grow, how fast, and whether that ends badly. Pure.

A loader worker that reads Python objects of its parent copies their pages one after the other,
because counting references writes to them. Each sample costs a little for good; RSS stays flat, as
the pages were there before, only shared. So PSS of the workers is held against the work done.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations, pairwise

from runner.host_limit import Bound
from runner.units import duration, size

MIB = 1 << 20
_MOST = 64
"""Looks that are kept, over the whole time; more are thinned."""
_FEWEST = 6
_SHORTEST_S = 5.0
_LEAST_RISE = 16 * MIB
"""Below it nothing is said: a worker's memory moves by as much without growing."""
_SUSTAINED_RISE = 64 * MIB
_SUSTAINED_SHARE = 0.25
_SLACK = 0.5
"""The newer half must grow at least this part of the whole's rate: a start-up levels off."""


class Per(StrEnum):
    """What growth is counted by: the best that the job tells."""

    SAMPLES = "thousand samples"
    STEPS = "thousand steps"
    TIME = "minute"


@dataclass(frozen=True)
class Look:
    """The workers at one moment."""

    at_s: float
    workers: frozenset[int]
    """Their pids: others are another story."""
    held: int
    """Bytes of anonymous memory, of all of them; their part of what is shared with others."""
    tree: int
    """PSS of the whole tree, bytes."""
    step: int = 0
    total: int = 0
    """Steps to do; 0: not known."""
    samples: float | None = None
    """Samples seen so far; None: the job does not say."""


@dataclass(frozen=True)
class Growth:
    """How a set of workers has grown."""

    per: Per
    per_unit: float
    """Bytes for each thousand samples or steps, or each minute."""
    per_s: float
    """Bytes a second."""
    rise: int
    """Bytes, from the first tenth of the looks to the last."""
    first: int
    """Bytes held then."""
    seconds: float
    workers: int
    sustained: bool
    """Whether it rose in every quarter of the time, and by much."""

    @property
    def words(self) -> str:
        return f"{self.per_unit / MIB:.3g} MiB per {self.per.value}"


@dataclass(frozen=True)
class Looks:
    """What was seen of one set of workers, thinned evenly."""

    kept: tuple[Look, ...] = ()
    every: int = 1
    skipped: int = 0

    def add(self, look: Look) -> Looks:
        """With one more; from the beginning where the workers are others, or there are none."""
        if not look.workers:
            return Looks()
        if self.kept and self.kept[-1].workers != look.workers:
            return Looks((look,))
        if self.skipped + 1 < self.every:
            return Looks(self.kept, self.every, self.skipped + 1)
        kept = (*self.kept, look)
        if len(kept) < _MOST:
            return Looks(kept, self.every)
        return Looks(kept[::2], 2 * self.every)


def growth(looks: Looks) -> Growth | None:
    """None while there is too little to tell from."""
    kept = looks.kept
    if len(kept) < _FEWEST or kept[-1].at_s - kept[0].at_s < _SHORTEST_S:
        return None
    times = [look.at_s for look in kept]
    held = [float(look.held) for look in kept]
    per_s = _steady_slope(times, held)
    per, work = _work(kept)
    per_unit = 60 * per_s if per is Per.TIME else 1000 * _steady_slope(work, held)
    few = max(1, len(kept) // 10)
    first, last = statistics.median(held[:few]), statistics.median(held[-few:])
    rise = int(last - first)
    quarters = _quarters(held)
    rising = all(a < b for a, b in pairwise(quarters))
    much = rise >= max(_SUSTAINED_RISE, _SUSTAINED_SHARE * first)
    return Growth(
        per=per,
        per_unit=per_unit,
        per_s=per_s,
        rise=rise,
        first=int(first),
        seconds=times[-1] - times[0],
        workers=len(kept[-1].workers),
        sustained=rising and much and per_s > 0,
    )


def warning(looks: Looks, bound: Bound | None) -> str | None:
    """What to say before it ends badly; None where it does not look like that.

    With the end in sight (the job tells its steps) what counts is whether the limit comes first;
    without it, whether the growth is sustained.
    """
    found = growth(looks)
    if found is None or found.rise < _LEAST_RISE or found.per_s <= 0:
        return None
    kept = looks.kept
    head = f"the {found.workers} worker(s) grow by {found.words}, {size(found.rise)} so far"
    until_s = max(0.0, (bound.size - kept[-1].tree) / found.per_s) if bound is not None else None
    left_s = _left_s(kept)
    tail = (
        "do the datasets hold Python lists or dicts? Each worker copies them as it reads: "
        "use arrays"
    )
    if left_s is not None:
        if bound is None or until_s is None or until_s > left_s:
            return None
        return (
            f"{head}; so {bound.source}, {size(bound.size)}, is reached in "
            f"{duration(until_s)}, and {duration(left_s)} are left to run; {tail}"
        )
    if not found.sustained:
        return None
    reached = (
        f"; so {bound.source}, {size(bound.size)}, is reached in {duration(until_s)}"
        if bound is not None and until_s is not None
        else ""
    )
    return f"{head}, without a pause{reached}; {tail}"


def as_dict(found: Growth, warned: str | None) -> dict[str, object]:
    """As ``growth`` of a result."""
    return {
        "workers": found.workers,
        "per": found.per.value,
        "bytes_per_unit": round(found.per_unit),
        "bytes_per_s": round(found.per_s, 1),
        "rise": found.rise,
        "seconds": round(found.seconds, 3),
        "sustained": found.sustained,
        "warning": warned,
    }


def _steady_slope(at: list[float], held: list[float]) -> float:
    """Bytes a unit: Theil and Sen's median of the slopes of all pairs, which outliers and a step
    do not move; no more than the newer half allows."""
    whole = _slope(at, held)
    newer = _slope(at[len(at) // 2 :], held[len(held) // 2 :])
    return 0.0 if whole <= 0 or newer < _SLACK * whole else min(whole, newer)


def _slope(at: list[float], held: list[float]) -> float:
    pairs = combinations(zip(at, held, strict=True), 2)
    slopes = [(b - a) / (y - x) for (x, a), (y, b) in pairs if y > x]
    return statistics.median(slopes) if slopes else 0.0


def _work(kept: tuple[Look, ...]) -> tuple[Per, list[float]]:
    # Nothing is told before the first step.
    samples = [look.samples or 0.0 for look in kept]
    if kept[-1].samples is not None and samples[-1] > samples[0]:
        return Per.SAMPLES, samples
    steps = [float(look.step) for look in kept]
    if steps[-1] > steps[0]:
        return Per.STEPS, steps
    return Per.TIME, [look.at_s for look in kept]


def _quarters(held: list[float]) -> list[float]:
    cuts = [n * len(held) // 4 for n in range(5)]
    return [statistics.median(held[a:b]) for a, b in pairwise(cuts)]


def _left_s(kept: tuple[Look, ...]) -> float | None:
    """Seconds to the job's end at its pace so far; None where it does not tell."""
    first, last = kept[0], kept[-1]
    if not last.total or last.step <= first.step:
        return None
    pace = (last.step - first.step) / (last.at_s - first.at_s)
    return max(0, last.total - last.step) / pace
