"""The rows of a submission as bytes: a compiled loop, since formatting is nearly all of the work.

polars writes whole numbers nearly as fast, decimals four times slower; the plain way, str and join,
takes eight to ten times as long.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fwi.compiling import compiled
from fwi.layout import MAP_SHAPE

LARGEST = 1e9
"""m/s; what is not below it in size is not written."""

_ROWS, _COLUMNS = MAP_SHAPE
_COMMA, _MINUS, _POINT, _ZERO, _NEWLINE = (ord(c) for c in ",-.0\n")
_Y = np.frombuffer(b"_y_", np.uint8)
_WIDEST = 14
"""Characters of a cell at the most, its comma too: -999999999.9."""


def text(oids: Sequence[str], maps: NDArray[np.float32], decimals: int) -> memoryview:
    """The 70 rows of each oid, its map's odd columns with ``decimals`` of 0 or 1.

    ``maps``: (n, 70, 70) float32, m/s, each smaller than :data:`LARGEST` in size.
    """
    names = [oid.encode("ascii") for oid in oids]
    starts = np.cumsum([0, *map(len, names)])
    size = _ROWS * (int(starts[-1]) + len(names) * (len("_y_69\n") + _WIDEST * _COLUMNS // 2))
    out = np.empty(size, np.uint8)
    joined = np.frombuffer(b"".join(names), np.uint8)
    used = _fill(np.ascontiguousarray(maps), joined, starts, decimals, out)
    return out.data[:used]


def prepare() -> None:
    """Compile, or load from the cache: seconds where the cache is empty."""
    text(["0"], np.zeros((1, *MAP_SHAPE), np.float32), 0)


@compiled()
def _fill(maps, names, starts, decimals, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` from its beginning; how many bytes were used."""
    scale = 10.0**decimals
    at = 0
    for sample in range(maps.shape[0]):
        for y in range(_ROWS):
            for i in range(starts[sample], starts[sample + 1]):
                out[at] = names[i]
                at += 1
            for i in range(3):
                out[at] = _Y[i]
                at += 1
            at = _put(out, at, y, 0)
            for x in range(1, _COLUMNS, 2):
                out[at] = _COMMA
                at = _put(
                    out, at + 1, np.int64(np.rint(np.float64(maps[sample, y, x]) * scale)), decimals
                )
            out[at] = _NEWLINE
            at += 1
    return at


@compiled()
def _put(out, at, number, decimals):  # type: ignore[no-untyped-def]
    """Write ``number`` with the point before its last ``decimals`` digits; where it ends."""
    if number < 0:
        out[at] = _MINUS
        at += 1
        number = -number
    digits, beyond = 1, 10
    while number >= beyond or digits <= decimals:
        beyond *= 10
        digits += 1
    end = at + digits
    if decimals:
        end += 1
    place = end - 1
    for _ in range(decimals):
        rest = number // 10
        out[place] = _ZERO + number - rest * 10
        number = rest
        place -= 1
    if decimals:
        out[place] = _POINT
        place -= 1
    while place >= at:
        rest = number // 10
        out[place] = _ZERO + number - rest * 10
        number = rest
        place -= 1
    return end
