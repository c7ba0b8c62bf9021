"""Which part of the work is which process's. Pure arithmetic; no torch.

Processes that train together go through one order of samples in common: a step takes the next
``batch_size`` × processes of it, each process a stretch of these. So the samples of a step, and of
a move of the optimizer, are those that one process would take with the larger batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Member:
    """One of the processes that do a job together."""

    rank: int = 0
    """Among all, from 0."""
    world: int = 1
    """How many there are."""
    place: int = 0
    """Among those of this machine, from 0."""
    places: int = 1
    """How many this machine has."""


def member(environment: Mapping[str, str]) -> Member:
    """What a launcher (torchrun) says of this process; a job of its own where none started it."""
    if any(name not in environment for name in _VARIABLES):
        return Member()
    rank, world, place = (int(environment[name]) for name in _VARIABLES[:3])
    return Member(rank, world, place, int(environment.get("LOCAL_WORLD_SIZE", world)))


def share(samples: int, rank: int, world: int) -> range:
    """The places of ``samples`` that are a rank's: a stretch of them. Two stretches differ in
    length by one at the most, and the first are the longer ones."""
    least, more = divmod(samples, world)
    start = rank * least + min(rank, more)
    return range(start, start + least + (rank < more))


@dataclass(frozen=True)
class Step:
    """A step of all processes, as one of them sees it. Places are those of an epoch's order."""

    start: int
    samples: int
    """Of all processes together."""
    mine: range
    """The places whose samples are this process's; there may be none in an epoch's last step."""

    @property
    def weight(self) -> float:
        """The part of the step's samples that is this process's."""
        return len(self.mine) / self.samples

    @property
    def learned_from(self) -> range:
        """What this process computes gradients of: its own, else the step's first sample, which
        then counts nothing. Whoever left the step out would keep the others waiting."""
        return self.mine or range(self.start, self.start + 1)


def step(start: int, end: int, per_step: int, who: Member) -> Step:
    """The step from ``start`` on, of ``per_step`` samples, or what is left before ``end``."""
    samples = min(per_step, end - start)
    mine = share(samples, who.rank, who.world)
    return Step(start, samples, range(start + mine.start, start + mine.stop))


def steps(start: int, end: int, per_step: int, who: Member) -> list[Step]:
    """All steps from ``start`` to ``end``."""
    return [step(at, end, per_step, who) for at in range(start, end, per_step)]
