"""Sums by family of any number of samples: what everything streaming here is made of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fwi.judging.scores import Values


class FamilySums:
    """Sums of rows of ``width`` numbers by family, in float64."""

    def __init__(self, families: Sequence[str], width: int) -> None:
        self._families = tuple(families)
        self._sums = np.zeros((len(self._families), width))
        self._counts = np.zeros(len(self._families), np.int64)

    def add(self, rows: NDArray[np.floating], families: NDArray[np.integer]) -> None:
        """Count a batch: (B, width) numbers, (B,) places in the families' list."""
        np.add.at(self._sums, families, rows)
        np.add.at(self._counts, families, 1)

    def total(self) -> tuple[NDArray[np.float64], int]:
        """(width,) sums over all samples, and how many they are."""
        return self._sums.sum(0), int(self._counts.sum())

    def by_family(self) -> dict[str, tuple[NDArray[np.float64], int]]:
        """The same for each family that was seen, in the order of their list."""
        rows = zip(self._families, self._sums, self._counts.tolist(), strict=True)
        return {name: (sums, count) for name, sums, count in rows if count}


@dataclass(frozen=True)
class Row:
    """Means over the samples of a family, or of all."""

    samples: int
    means: Mapping[str, float]

    def __getitem__(self, name: str) -> float:
        """A mean by its score's name; ``rmse`` is the root of the mean of ``mse``."""
        if name.startswith("rmse"):
            return math.sqrt(self.means[name.replace("rmse", "mse")])
        return self.means[name]

    def as_dict(self) -> dict[str, float]:
        """All of them, roots in place of squares."""
        names = [name.replace("mse", "rmse") for name in self.means]
        return {"samples": self.samples} | {name: self[name] for name in names}


class Tally:
    """Means of scores by family."""

    def __init__(self, families: Sequence[str], names: Iterable[str]) -> None:
        self._names = tuple(names)
        self._sums = FamilySums(families, len(self._names))

    def add(self, values: Values, families: NDArray[np.integer]) -> None:
        """Count a batch: (B,) numbers a score, (B,) places in the families' list."""
        self._sums.add(np.stack([values[name] for name in self._names], axis=1), families)

    def overall(self) -> Row:
        """Over all samples; there must be one."""
        return self._row(*self._sums.total())

    def by_family(self) -> dict[str, Row]:
        return {name: self._row(*found) for name, found in self._sums.by_family().items()}

    def _row(self, sums: NDArray[np.float64], count: int) -> Row:
        return Row(count, dict(zip(self._names, (sums / count).tolist(), strict=True)))
