"""How two scores go together: streaming moments for all samples, ranks for those drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fwi.judging.sums import FamilySums

_FEWEST = 3
_NOISE = 1e-12
"""Of the mean square: a variance below it is rounding."""


class Correlation:
    """Pearson's correlation of two scores, over all samples and within each family."""

    def __init__(self, families: Sequence[str]) -> None:
        self._sums = FamilySums(families, 5)

    def add(
        self, x: NDArray[np.float64], y: NDArray[np.float64], families: NDArray[np.integer]
    ) -> None:
        """Count a batch: (B,) each."""
        self._sums.add(np.stack([x, y, x * x, y * y, x * y], axis=1), families)

    def overall(self) -> float | None:
        """None where it is not defined: fewer than three samples, or one score is constant."""
        return _pearson(*self._sums.total())

    def by_family(self) -> dict[str, float | None]:
        """Of the families that were seen."""
        return {name: _pearson(*found) for name, found in self._sums.by_family().items()}


def _pearson(sums: NDArray[np.float64], count: int) -> float | None:
    """From Σx, Σy, Σxx, Σyy, Σxy."""
    if count < _FEWEST:
        return None
    x, y, xx, yy, xy = (sums / count).tolist()
    of_x, of_y = xx - x * x, yy - y * y
    if of_x <= _NOISE * xx or of_y <= _NOISE * yy:
        return None
    found: float = (xy - x * y) / math.sqrt(of_x * of_y)
    return max(-1.0, min(1.0, found))


def of_ranks(x: ArrayLike, y: ArrayLike) -> float | None:
    """Spearman's: Pearson's of the ranks, equal numbers sharing theirs."""
    one = Correlation(("all",))
    both = [_ranks(np.asarray(values, np.float64)) for values in (x, y)]
    one.add(both[0], both[1], np.zeros(len(both[0]), np.int64))
    return one.overall()


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    middle: NDArray[np.float64] = last - (counts - 1) / 2
    return middle[which]
