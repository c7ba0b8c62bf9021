"""The few samples that are looked at closely: the worst ones, and some of each family at random."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fwi.judging.scores import Values

WORST = 10
DRAWN = 512
"""Samples a family."""


@dataclass(frozen=True, order=True)
class Chosen:
    """A sample and what it scored."""

    rank: float
    """What it was chosen by; the worst has the most."""
    position: int
    """In the index."""
    family: int = field(compare=False)
    scores: dict[str, float] = field(compare=False)


class Worst:
    """The ``count`` samples with the most of one score, whatever the number that is offered."""

    def __init__(self, by: str, count: int = WORST) -> None:
        self._by = by
        self._count = count
        self._heap: list[Chosen] = []

    def add(
        self, values: Values, positions: NDArray[np.int64], families: NDArray[np.integer]
    ) -> None:
        """Offer a batch: (B,) numbers a score, positions and families."""
        ranks = values[self._by]
        for n in np.argsort(-ranks, kind="stable")[: self._count].tolist():
            if len(self._heap) == self._count and ranks[n] <= self._heap[0].rank:
                break
            one = _chosen(values, self._by, n, int(positions[n]), int(families[n]))
            if len(self._heap) < self._count:
                heapq.heappush(self._heap, one)
            else:
                heapq.heapreplace(self._heap, one)

    def found(self) -> list[Chosen]:
        """The worst first."""
        return sorted(self._heap, reverse=True)


class Drawn:
    """Up to ``count`` samples of each family, each as likely as any other.

    Vitter's algorithm R with a seed of its own: the same samples in the same order give the same
    draw, whatever the batches.
    """

    def __init__(self, families: Sequence[str], by: str, count: int = DRAWN) -> None:
        self._by = by
        self._count = count
        self._seen = [0] * len(families)
        self._held: list[list[Chosen]] = [[] for _ in families]
        self._random = [np.random.default_rng([n, 0]) for n in range(len(families))]

    def add(
        self, values: Values, positions: NDArray[np.int64], families: NDArray[np.integer]
    ) -> None:
        """Offer a batch: (B,) numbers a score, positions and families."""
        for n, family in enumerate(families.tolist()):
            held = self._held[family]
            self._seen[family] += 1
            place = len(held)
            if place == self._count:
                place = int(self._random[family].integers(self._seen[family]))
                if place >= self._count:
                    continue
            one = _chosen(values, self._by, n, int(positions[n]), family)
            held[place : place + 1] = [one]

    def found(self) -> list[list[Chosen]]:
        """By the family's number."""
        return self._held

    def typical(self) -> list[Chosen]:
        """The one in the middle of each family that was seen, by what they are ranked by."""
        return [sorted(held)[(len(held) - 1) // 2] for held in self._held if held]


def _chosen(values: Values, by: str, n: int, position: int, family: int) -> Chosen:
    scores = {name: float(column[n]) for name, column in values.items()}
    return Chosen(scores[by], position, family, scores)
