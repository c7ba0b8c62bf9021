"""The compiled inner loops of packing: averages over time, and float16 by its bits.

numba has no float16, and NumPy's cast takes ten times as long. The rounding is IEEE's, to the
nearest, ties to even, so the bits are those of NumPy, PyTorch and the processor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

FLOAT16_INFINITY = 0x7C00
"""The bits of what is no number any more."""

# Typed, as numba widens what is mixed with a Python number to 64 bits, and half the speed is lost.
_ONE, _13, _16 = np.uint32(1), np.uint32(13), np.uint32(16)
_MAGNITUDE, _MAGNITUDE_16 = np.uint32(0x7FFFFFFF), np.uint32(0x7FFF)
_SIGN_16 = np.uint32(0x8000)
_SMALLEST_NORMAL = np.uint32(113 << 23)
"""2^-14 as a float32."""
_SUBNORMAL = np.uint32(126 << 23)
"""0.5: a float32 of that exponent has its last digit where a subnormal float16 has."""
_SUBNORMAL_VALUE = np.float32(0.5)
_TOO_LARGE = np.uint32(0x47800000)
"""65536: whatever is larger becomes infinity, as this does."""
_REBIAS = np.uint32(0xC8000FFF)
"""(15 - 127) << 23 in 32 bits, and half a last digit less one for the rounding."""
_WIDEN = np.float32(2.0**112)
"""What float32's exponents are ahead by."""


@njit(nogil=True)
def _half(value):  # type: ignore[no-untyped-def]
    """The bits of a float32 rounded to float16, infinity for what is no number.

    Selects in place of branches: it is vectorised.
    """
    bits = np.float32(value).view(np.uint32)
    magnitude = np.uint32(bits & _MAGNITUDE)
    magnitude = magnitude if magnitude < _TOO_LARGE else _TOO_LARGE
    shifted = np.float32(np.uint32(magnitude).view(np.float32) + _SUBNORMAL_VALUE)
    subnormal = np.uint32(np.float32(shifted).view(np.uint32) - _SUBNORMAL)
    odd = np.uint32(np.uint32(magnitude >> _13) & _ONE)
    normal = np.uint32(np.uint32(magnitude + _REBIAS + odd) >> _13)
    half = subnormal if magnitude < _SMALLEST_NORMAL else normal
    return np.uint16(half | np.uint32(np.uint32(bits >> _16) & _SIGN_16))


def _narrow(values, out):  # type: ignore[no-untyped-def]
    largest = np.uint16(0)
    for i in range(values.size):
        half = _half(values[i])
        out[i] = half
        largest = max(largest, np.uint16(half & _MAGNITUDE_16))
    return largest


def _widen(halves, out):  # type: ignore[no-untyped-def]
    for i in range(halves.size):
        half = np.uint32(halves[i])
        magnitude = np.uint32(np.uint32(half & _MAGNITUDE_16) << _13)
        value = np.float32(np.uint32(magnitude).view(np.float32) * _WIDEN)
        sign = np.uint32(np.uint32(half & _SIGN_16) << _16)
        out[i] = np.uint32(np.float32(value).view(np.uint32) | sign).view(np.float32)


def _average(cube, out, total):  # type: ignore[no-untyped-def]
    sources, times, receivers = cube.shape
    rows = out.shape[1]
    for source in range(sources):
        for row in range(rows):
            first, last = row * times // rows, -((-(row + 1) * times) // rows)
            total[:] = np.float32(0)
            for time in range(first, last):
                for receiver in range(receivers):
                    total[receiver] += cube[source, time, receiver]
            count = np.float32(last - first)
            for receiver in range(receivers):
                out[source, row, receiver] = total[receiver] / count


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    try:
        made: Callable[..., Any] = njit(nogil=True, cache=True)(function)
    except RuntimeError:
        # Neither the package's folder nor the user's cache can be written: compile once a process.
        made = njit(nogil=True)(function)
    return made


_compiled_narrow = _compiled(_narrow)
_compiled_widen = _compiled(_widen)
_compiled_average = _compiled(_average)


def narrow(values: NDArray[np.float32], out: NDArray[np.float16]) -> int:
    """Round to float16, C-ordered arrays of one size; the largest magnitude's bits.

    :data:`FLOAT16_INFINITY`: not every value is finite and in float16's range.
    """
    return int(_compiled_narrow(values.reshape(-1), out.view(np.uint16).reshape(-1)))


def widen(halves: NDArray[np.float16], out: NDArray[np.float32]) -> None:
    """The same finite numbers in float32, C-ordered arrays of one size."""
    _compiled_widen(halves.view(np.uint16).reshape(-1), out.reshape(-1))


def average(cube: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Means over time: (S, T, R) → (S, rows, R), bit for bit as PyTorch's area interpolation.

    Row i is the mean of the samples ⌊T·i/rows⌋ to ⌈T·(i+1)/rows⌉ (15 or 16 of 1000 for 70 rows),
    added up one after the other and divided once.
    """
    _compiled_average(cube, out, np.empty(cube.shape[2], np.float32))
