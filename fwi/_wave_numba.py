"""The compiled CPU solver: one shot a task, tasks on threads, no threading layer of numba's own.

A shot's working set is two fields (310 × 310 float32) and three rows of coefficients, so that it
stays in a core's second cache. Two things are left out because they cannot change a record:

- cells which the wave has not reached yet, or from which it cannot come back before the last
  sample. Both are circles around the source and the receivers that grow and shrink with the map's
  fastest velocity, plus a margin for the precursors of the discrete scheme;
- numbers under 1e-32, which would turn subnormal and cost up to six times the whole run.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit
from numpy.typing import NDArray

from fwi import wave
from fwi.compiling import compiled
from fwi.layout import MAP_SHAPE, RECEIVERS, TIMES

_CELLS = MAP_SHAPE[0]
_DEPTH = wave.DEPTH
_COURANT = wave.DT / wave.DX  # times v

# Cells that the discrete scheme's precursors run ahead of the wave: with 12 the record differs from
# the full computation by less than float32 rounding does (tests/fwi/test_wave.py).
_MARGIN = 12

# A row of a field: 16 cells of left halo, the widest grid rounded up to whole blocks, 16 of right
# halo. A compile-time constant, because only then does LLVM see that the nine taps of the stencil
# are one array, and vectorise.
_HALO = 16
_BLOCK = 32
_STRIDE = _HALO + -(-(_CELLS + 2 * wave.SPONGE_MAX) // _BLOCK) * _BLOCK + _HALO

# Added before and taken off after: what is smaller than its last digit becomes zero. Reassociation
# must stay off, or the compiler removes it.
_FLUSH = np.float32(1e-25)
_MATHS = {"contract", "nsz"}

_16, _60 = np.float32(16), np.float32(60)


def simulate(
    maps: NDArray[np.float64],
    sources: tuple[int, ...],
    sponge: int,
    threads: int,
    progress: Callable[[int], None] | None,
) -> NDArray[np.float32]:
    """See :func:`fwi.wave.simulate`; ``maps`` are checked, (N, 70, 70) contiguous."""
    out = np.empty((len(maps), len(sources), TIMES, RECEIVERS), np.float32)
    w = wave.wavelet().astype(np.float32)
    reach = _reach(_CELLS + 2 * sponge)
    unit_damping = wave.damping(1.0, sponge)

    def shot(number: int) -> None:
        index, source = divmod(number, len(sources))
        velocity = maps[index]
        k = (unit_damping * velocity.min()).astype(np.float32)
        _shot(velocity, k, sources[source], w, reach, _MARGIN, out[index, source])

    pool = ThreadPoolExecutor(threads or wave.processors(), thread_name_prefix="wave")
    try:
        done = pool.map(shot, range(len(maps) * len(sources)))
        for number, _ in enumerate(done, 1):
            if progress is not None and number % len(sources) == 0:
                progress(number // len(sources))
    finally:
        pool.shutdown(cancel_futures=True)
    return out


def prepare() -> None:
    """Have the kernel compiled: a shot of no samples."""
    k = wave.damping(1500.0).astype(np.float32)
    w = wave.wavelet().astype(np.float32)
    reach = _reach(_CELLS + 2 * wave.SPONGE)
    record = np.empty((1, 1, 0, RECEIVERS), np.float32)
    _shot(np.full((1, *MAP_SHAPE), 1500.0)[0], k, 0, w, reach, _MARGIN, record[0, 0])


@functools.lru_cache(maxsize=4)
def _reach(cells: int) -> NDArray[np.int64]:
    """Half-width of a circle of radius r at distance z from its centre, [r, z], in cells."""
    r, z = np.ogrid[: cells + 1, : cells + 1]
    half: NDArray[np.int64] = np.ceil(np.sqrt(np.maximum(r * r - z * z, 0))).astype(np.int64)
    return half


@njit(nogil=True)
def _first_steps(row_speed, row, margin):  # type: ignore[no-untyped-def]
    """Earliest step at which the wave from ``row`` can matter in each row, either way round.

    ``row_speed``: each row's fastest, cells a step. A row counts as reached as soon as the one
    ``margin`` rows nearer is, since precursors run by cells, not by time.
    """
    n = row_speed.shape[0]
    first = np.full(n, np.inf)
    for way in (-1, 1):
        elapsed = np.zeros(n)
        for i in range(1, n):
            here, before = (row + way * i) % n, (row + way * (i - 1)) % n
            elapsed[i] = elapsed[i - 1] + 1 / max(row_speed[here], row_speed[before])
            first[here] = min(first[here], elapsed[max(i - margin, 0)])
    first[row] = 0
    return first


@njit(nogil=True, fastmath=_MATHS)
def _update_row(new, p, start, length, a12, a12_start, k_side, k_inside, k_row):  # type: ignore[no-untyped-def]
    """``new`` holds the field before ``p``'s, and is overwritten by the one after it.

    16·near − far − 60·p is 12 times the fourth-order Laplacian, with weights that float32 holds
    exactly; a12 is (v·dt/dx)²/12.
    """
    older = new[start : start + length]
    around = p[start - 2 * _STRIDE : start + length + 2 * _STRIDE]
    a = a12[a12_start : a12_start + length]
    for x in range(length):
        c = around[2 * _STRIDE + x]
        o = older[x]
        near = (
            around[2 * _STRIDE + x - 1]
            + around[2 * _STRIDE + x + 1]
            + around[_STRIDE + x]
            + around[3 * _STRIDE + x]
        )
        far = (
            around[2 * _STRIDE + x - 2]
            + around[2 * _STRIDE + x + 2]
            + around[x]
            + around[4 * _STRIDE + x]
        )
        k = k_side[x] + k_inside[x] * k_row
        laplacian = _16 * near - far - _60 * c
        older[x] = (((c + c + _FLUSH) - o) - k * (c - o) + a[x] * laplacian) - _FLUSH


@compiled(fastmath=_MATHS)
def _shot(velocity, damping, source_x, wavelet, reach, margin, record):  # type: ignore[no-untyped-def]
    """One shot: ``record`` (time, receiver) is filled. ``damping``: k from the inside outward.

    The grid is periodic, as in the original (a wave that the sponge let through comes in again on
    the other side): two halo columns and rows on each side repeat the opposite ones.
    """
    times = record.shape[0]
    sponge = damping.shape[0]
    n = _CELLS + 2 * sponge
    p = np.zeros((n + 4) * _STRIDE, np.float32)
    new = np.zeros((n + 4) * _STRIDE, np.float32)

    a12 = np.zeros(_CELLS * _STRIDE, np.float32)
    for z in range(_CELLS):
        for x in range(n):
            v = velocity[z, min(max(x - sponge, 0), _CELLS - 1)]
            a12[z * _STRIDE + _HALO + x] = (v * _COURANT) ** 2 / 12
    # Left and right damping override top and bottom in the corners.
    k_side = np.zeros(_STRIDE, np.float32)
    k_inside = np.zeros(_STRIDE, np.float32)
    k_rows = np.zeros(n, np.float32)
    for i in range(sponge):
        k_side[_HALO + sponge - 1 - i] = damping[i]
        k_side[_HALO + sponge + _CELLS + i] = damping[i]
        k_rows[sponge - 1 - i] = damping[i]
        k_rows[sponge + _CELLS + i] = damping[i]
    k_inside[_HALO + sponge : _HALO + sponge + _CELLS] = 1

    row = sponge + _DEPTH
    left, right, centre = sponge, sponge + _CELLS - 1, sponge + source_x
    receivers = (row + 2) * _STRIDE + _HALO + sponge
    source = receivers + source_x
    strength = np.float32((velocity[_DEPTH, source_x] * wave.DT) ** 2)
    speed = velocity.max() * _COURANT  # cells a step
    row_speed = np.empty(n)
    for z in range(n):
        row_speed[z] = velocity[min(max(z - sponge, 0), _CELLS - 1)].max() * _COURANT
    first_step = _first_steps(row_speed, row, margin)

    for t in range(times):
        out_radius = min(math.ceil(speed * t) + margin, n)
        back_radius = min(math.ceil(speed * (times - 1 - t)) + margin, n)
        radius = min(out_radius, back_radius)
        for dz in range(max(-radius, -(n // 2)), min(radius, (n - 1) // 2) + 1):
            z = (row + dz) % n
            if min(t, times - 1 - t) < first_step[z]:
                continue
            # An arc that leaves the grid comes in again on the other side: take the whole row.
            first, last = 0, n - 1
            out_arc, back_arc = reach[out_radius, abs(dz)], reach[back_radius, abs(dz)]
            if out_arc < centre and centre + out_arc < n - 1:
                first, last = centre - out_arc, centre + out_arc
            if back_arc < left and right + back_arc < n - 1:
                first, last = max(first, left - back_arc), min(last, right + back_arc)
            start = _HALO + first // _BLOCK * _BLOCK
            stop = _HALO + (last // _BLOCK + 1) * _BLOCK
            begin = (z + 2) * _STRIDE
            _update_row(
                new,
                p,
                begin + start,
                stop - start,
                a12,
                min(max(z - sponge, 0), _CELLS - 1) * _STRIDE + start,
                k_side[start:stop],
                k_inside[start:stop],
                k_rows[z],
            )
            data = begin + _HALO
            new[data - 2] = new[data + n - 2]
            new[data - 1] = new[data + n - 1]
            new[data + n] = new[data]
            new[data + n + 1] = new[data + 1]
        if radius >= sponge - 2:
            new[: 2 * _STRIDE] = new[n * _STRIDE : (n + 2) * _STRIDE]
            new[(n + 2) * _STRIDE :] = new[2 * _STRIDE : 4 * _STRIDE]
        if t < wavelet.shape[0]:
            new[source] += strength * wavelet[t]
        record[t] = new[receivers : receivers + _CELLS]
        p, new = new, p
