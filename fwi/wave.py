"""The acoustic forward model: velocity maps in, shot gathers out.

    ∂²p/∂t² + d ∂p/∂t = v² (∇²p + w δ(x − x_source))

constant density, 70 × 70 cells of 10 m, 1000 samples of 1 ms, a 15 Hz Ricker wavelet w, sources and
receivers 10 m deep, no free surface but a sponge d on all four sides. The scheme is OpenFWI's (Deng
et al., NeurIPS 2022), down to its order of operations in time; docs/physics.md writes it out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fwi.errors import DataError
from fwi.layout import MAP_SHAPE, VELOCITY_MAX, VELOCITY_MIN

DX = 10.0  # m, both axes
DT = 1e-3  # s
PEAK_FREQUENCY = 15.0  # Hz
WAVELET_SAMPLES = 147
SOURCE_X = (0, 17, 34, 52, 69)
DEPTH = 1  # cell row of sources and receivers
SPONGE = 120  # cells on each side
SPONGE_MIN, SPONGE_MAX = 2, 240

VELOCITY_FLOOR = 1000.0
"""Slowest velocity accepted, m/s: below it the wavelet's upper frequencies (2.5 × 15 Hz) have fewer
than 2.7 cells a wavelength and the record is numerical dispersion, not physics."""

SOLVER_VERSION = 1
"""Raised when the same map would no longer give the same gathers, rounding apart."""


def simulate(
    velocity: ArrayLike,
    *,
    device: str = "cpu",
    threads: int = 0,
    sources: Sequence[int] | None = None,
    sponge: int = SPONGE,
    progress: Callable[[int], None] | None = None,
) -> NDArray[np.float32]:
    """Seismic cubes of velocity maps.

    ``velocity``: (N, 70, 70) or (N, 1, 70, 70), (depth, x), m/s. ``device``: ``cpu`` for the
    compiled solver, ``cuda`` or ``cuda:N`` for the torch one. ``threads`` of the CPU solver, 0: one
    for each processor that this process may use. ``sources``: x indices of the shots, by default
    OpenFWI's five; the exact mirror image of channel 2 is a shot at 35. ``sponge``: cells on each
    side. ``progress`` is called in this thread with the number of maps finished so far.

    Returns (N, len(sources), 1000, 70) float32 (source, time, receiver); sample 0 is the field just
    after the wavelet's first value went in.

    Raises DataError for a map that is not finite, too slow for the grid, or unstable; ValueError
    for a source, a sponge or a number of threads that cannot be; DeviceError where the device is
    not there.
    """
    places = SOURCE_X if sources is None else tuple(int(x) for x in sources)
    if not all(0 <= x < MAP_SHAPE[1] for x in places):
        raise ValueError(f"sources {places}: each must be an x index from 0 to {MAP_SHAPE[1] - 1}")
    if not SPONGE_MIN <= sponge <= SPONGE_MAX:
        raise ValueError(f"sponge {sponge}: expected {SPONGE_MIN} to {SPONGE_MAX} cells")
    if threads < 0:
        raise ValueError(f"threads {threads}: expected a whole number from 0")
    maps = checked_maps(velocity, sponge)
    if device == "cpu":
        from fwi import _wave_numba

        return _wave_numba.simulate(maps, places, sponge, threads, progress)
    from fwi import _wave_torch

    return _wave_torch.simulate(maps, places, sponge, device, progress)


def prepare(device: str = "cpu") -> None:
    """Compile the solver, or load it from the cache, so that the first map is as fast as the rest.

    Seconds on the CPU when the cache is empty; nothing to do elsewhere.
    """
    if device == "cpu":
        from fwi import _wave_numba

        _wave_numba.prepare()


def processors() -> int:
    """Processors that this process may use: the CPU solver's threads by default."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def checked_maps(velocity: ArrayLike, sponge: int = SPONGE) -> NDArray[np.float64]:
    """The maps as (N, 70, 70) float64, m/s; DataError where one cannot be simulated.

    The scheme is stable while 32/3·A + 2k ≤ 4 for every cell, A = (v·dt/dx)² and k the damping of
    one step: with the sponge of a map's own slowest velocity that is 5.9 to 6.1 km/s.
    """
    given: NDArray[Any] = np.asarray(velocity)
    if given.dtype.kind not in "fiu":
        raise DataError(f"velocity maps of type {given.dtype}: expected numbers in m/s")
    maps = given[:, 0] if given.ndim == 4 and given.shape[1] == 1 else given
    if maps.ndim != 3 or maps.shape[1:] != MAP_SHAPE:
        raise DataError(
            f"velocity of shape {given.shape}: expected (N, 70, 70) or (N, 1, 70, 70) in m/s"
        )
    maps = np.ascontiguousarray(maps, dtype=np.float64)
    if len(maps) == 0:
        return maps
    _refuse(maps, ~np.isfinite(maps), "expected a finite number in m/s")
    hint = " (km/s or a normalised map?)" if np.abs(maps).max() < 10 else ""
    _refuse(
        maps,
        maps < VELOCITY_FLOOR,
        f"below {VELOCITY_FLOOR:.0f} m/s a {DX:.0f} m grid cannot carry the wavelet{hint}",
    )
    highest = stability_limit(maps.min(axis=(1, 2)), sponge)
    unstable = maps > highest[:, None, None]
    limit = highest[unstable.any(axis=(1, 2)).argmax()]
    _refuse(maps, unstable, f"above {limit:.0f} m/s the scheme is unstable (v·dt/dx near 0.6)")
    return maps


def stability_limit(slowest: ArrayLike, sponge: int = SPONGE) -> NDArray[np.float64]:
    """Highest stable velocity, m/s, of maps whose slowest is ``slowest``, m/s (same shape)."""
    strongest = damping(1.0, sponge)[-1] * np.asarray(slowest, dtype=np.float64)
    limit: NDArray[np.float64] = np.sqrt((4 - 2 * strongest) * 3 / 32) * DX / DT
    return limit


def damping(slowest: float, sponge: int = SPONGE) -> NDArray[np.float64]:
    """k = d·dt of the sponge's cells from the innermost outward, (sponge,).

    d(i) = 3·vmin·ln(1e7)/(2a)·(i·dx/a)², a = (sponge − 1)·dx (Collino & Tsogka, 2001).
    """
    thickness = (sponge - 1) * DX
    inward = np.arange(sponge) * DX / thickness
    k: NDArray[np.float64] = 3 * slowest * np.log(1e7) / (2 * thickness) * inward**2 * DT
    return k


def wavelet() -> NDArray[np.float64]:
    """The unit Ricker wavelet, (147,), its peak of 1 at index 73."""
    index = np.arange(WAVELET_SAMPLES)
    b = ((WAVELET_SAMPLES // 2 - index) * DT * np.pi * PEAK_FREQUENCY) ** 2
    w: NDArray[np.float64] = (1 - 2 * b) * np.exp(-b)
    return w


def _refuse(maps: NDArray[np.float64], wrong: NDArray[np.bool_], why: str) -> None:
    if not wrong.any():
        return
    index, z, x = (int(i) for i in np.argwhere(wrong)[0])
    count = int(wrong.any(axis=(1, 2)).sum())
    others = f"; {count} of the {len(maps)} maps have such cells" if count > 1 else ""
    raise DataError(
        f"velocity map {index} has {maps[index, z, x]:g} m/s at depth {z}, x {x}: {why}; "
        f"the families have {VELOCITY_MIN:.0f} to {VELOCITY_MAX:.0f} m/s{others}"
    )
