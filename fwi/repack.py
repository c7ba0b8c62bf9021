"""One record as a re-pack holds it: full, or reduced in time, in float16 or float32."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fwi import _packing_numba as kernels
from fwi.config.pack import Size
from fwi.layout import CUBE_SHAPE, MAP_SHAPE, SOURCES

_SHAPES: dict[Size, tuple[int, int, int]] = {
    "full": CUBE_SHAPE,
    "70": (SOURCES, 70, 70),
    "72": (SOURCES, 72, 72),
}


class NotRepresentable(ValueError):
    """A record holds what the pack's type cannot: NaN, infinity, or too large a number."""

    def __init__(self, what: str, *, is_of_type: bool = False) -> None:
        super().__init__(what)
        self.is_of_type = is_of_type
        """Whether a wider type may hold it."""


def shape_of(size: Size) -> tuple[int, int, int]:
    """Of a cube packed in that size."""
    return _SHAPES[size]


def can_reduce(shape: tuple[int, ...], size: Size) -> bool:
    """Whether cubes of ``shape`` can be packed in that size: full ones, or those that have it."""
    return shape in (CUBE_SHAPE, _SHAPES[size])


class Repack:
    """The recipe: to float32 → averaged over time to (70, 70) → edges replicated to (72, 72) →
    rounded. Bit for bit what PyTorch's area interpolation, replicate padding and cast give.

    It has its own memory (3 MB at the most), which the next record overwrites.
    """

    def __init__(
        self, shape: tuple[int, int, int], stored: DTypeLike, size: Size, dtype: DTypeLike
    ) -> None:
        """From cubes of ``shape``, (5, 1000, 70) or already of the size, float16 or float32."""
        self.record: NDArray[Any] = np.empty(shape, stored)
        """Where a record is read to."""
        self._packed: NDArray[Any] = np.empty(_SHAPES[size], dtype)
        self._wide = self._like(self.record)
        self._reduced = self._like(self._packed)
        self._is_reduced = shape != _SHAPES[size]

    def _like(self, array: NDArray[Any]) -> NDArray[np.float32]:
        return array if array.dtype == np.float32 else np.empty(array.shape, np.float32)

    def __call__(self) -> memoryview:
        """The bytes of what is in ``record``, packed; good until the next call.

        Raises NotRepresentable where a value is not finite, or too large for float16.
        """
        if self.record.dtype == self._packed.dtype and not self._is_reduced:
            return self._checked(self.record)
        if self._wide is not self.record:
            self._checked(self.record)
            kernels.widen(self.record, self._wide)
        values = self._wide
        if self._is_reduced:
            values = self._average()
        if self._packed.dtype == np.float16:
            if kernels.narrow(values, self._packed) >= kernels.FLOAT16_INFINITY:
                what = "NaN, infinity, or a number beyond float16's ±65504"
                raise NotRepresentable(what, is_of_type=True)
            return self._packed.data.cast("B")
        return self._checked(values)

    def _average(self) -> NDArray[np.float32]:
        rows, columns = self._reduced.shape[1:]
        if (rows, columns) == MAP_SHAPE:
            kernels.average(self._wide, self._reduced)
            return self._reduced
        inside = self._reduced[:, 1:-1, 1:-1]
        kernels.average(self._wide, inside)
        self._reduced[:, 1:-1, 0], self._reduced[:, 1:-1, -1] = inside[..., 0], inside[..., -1]
        self._reduced[:, 0], self._reduced[:, -1] = self._reduced[:, 1], self._reduced[:, -2]
        return self._reduced

    def _checked(self, values: NDArray[Any]) -> memoryview:
        if not self._all_finite(values):
            raise NotRepresentable("NaN or infinity")
        return values.data.cast("B")

    @staticmethod
    def _all_finite(values: NDArray[Any]) -> bool:
        if values.dtype == np.float16:  # NumPy's own test takes ten times as long
            magnitudes = values.view(np.uint16) & 0x7FFF
            return bool(magnitudes.max() < kernels.FLOAT16_INFINITY)
        return bool(np.isfinite(values).all())
