"""The mean absolute error in m/s: overall, by family, and over the columns that are scored.

Sums are kept, never predictions: the memory that validation needs does not grow with its samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

ODD_COLUMNS = slice(1, None, 2)
"""x_1, x_3, … x_69: the 35 columns of a submission, and of the competition's score."""


@dataclass(frozen=True)
class Errors:
    """Mean absolute errors in m/s over every cell of every sample."""

    overall: float
    odd: float
    """Over the odd columns alone, as the competition scores."""
    by_family: Mapping[str, float]
    """Over all columns, the families in the order of their names' list; those seen only."""
    samples: int


class ErrorSums:
    """The sums of absolute errors that :class:`Errors` is made of, in float64 on the device."""

    def __init__(self, families: Sequence[str], device: torch.device | str = "cpu") -> None:
        self._families = tuple(families)
        self.sums = torch.zeros(len(self._families), 3, dtype=torch.float64, device=device)
        """Rows: families. Columns: all cells, odd cells (m/s), samples. Those of disjoint samples
        add up to those of all."""

    @torch.no_grad()
    def add(self, predicted: Tensor, velocity: Tensor, families: Tensor) -> None:
        """Count a batch; nothing waits for the device.

        Args:
            predicted, velocity: (B, 1, 70, 70) m/s, on the device of the sums.
            families: (B,) whole numbers, places in the families' list, on any device.
        Raises:
            ValueError: the two differ in shape.
        """
        if predicted.shape != velocity.shape:
            raise ValueError(
                f"prediction {tuple(predicted.shape)} and map {tuple(velocity.shape)} differ in "
                "shape: expected (batch, 1, 70, 70) for both"
            )
        error = (predicted.float() - velocity.float()).abs()
        rows = torch.stack(
            [
                error.mean((1, 2, 3)),
                error[..., ODD_COLUMNS].mean((1, 2, 3)),
                torch.ones(len(error), device=error.device),
            ],
            1,
        )
        self.sums.index_add_(0, families.to(self.sums.device, torch.long), rows.double())

    def result(self) -> Errors:
        """The errors of all that was counted. Raises ValueError where nothing was."""
        sums = self.sums.cpu()
        everything, odd, samples = sums.sum(0).tolist()
        if not samples:
            raise ValueError("no sample was counted: expected a validation set that is not empty")
        return Errors(
            overall=everything / samples,
            odd=odd / samples,
            by_family={
                name: total / count
                for name, (total, _, count) in zip(self._families, sums.tolist(), strict=True)
                if count
            },
            samples=int(samples),
        )
