"""Velocity maps that look like OpenFWI's ten families (Deng et al., NeurIPS 2022).

Layered families are functions of a point in the ground: its depth before anything bent or moved
tells its layer. A curve bends all horizons alike; a fault moves the ground on one side along the
fault. The Style families are Gaussian processes on a trend, with the lengths and spreads that
competitors fitted to the originals.

Sample i of a family depends on the seed, the family and i alone, so that any division into files
gives the same samples.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fwi.layout import FAMILIES, MAP_SHAPE, VELOCITY_MAX, VELOCITY_MIN, Family

_Floats = NDArray[np.float64]

GEOLOGY_VERSION = 1
"""Raised when the same seed would no longer give the same maps."""

_CELLS = MAP_SHAPE[0]
_THINNEST = 5.0  # cells; thinner layers are rare in the originals

# Points at the centres of the cells, as (70, 70) grids.
_Z, _X = (axis + 0.5 for axis in np.mgrid[:_CELLS, :_CELLS])


@dataclass(frozen=True)
class Style:
    """A Gaussian process around offset + slopes; lengths in cells, the rest in m/s."""

    length: float
    sigma: float
    noise: float
    offset: float
    slope: float


STYLES = {
    "Style_A": Style(length=3.48, sigma=183, noise=0, offset=520, slope=31.4),
    "Style_B": Style(length=1.96, sigma=158, noise=58, offset=1239, slope=92),
}


def velocity_maps(family: Family, n: int, seed: int = 0, first: int = 0) -> NDArray[np.float32]:
    """Samples ``first`` to ``first + n - 1`` of a family, (n, 70, 70) (depth, x) float32, m/s.

    Whole numbers in the Vel and Fault families, continuous in the Style ones; 1500 to 4500 m/s.
    Raises ValueError for a family that is not one of the ten.
    """
    if family not in FAMILIES:
        raise ValueError(f"family {family}: expected one of {', '.join(FAMILIES)}")
    maps = np.empty((n, *MAP_SHAPE), np.float32)
    for i in range(n):
        key = (FAMILIES.index(family), first + i)
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
        maps[i] = _style(rng, STYLES[family]) if family in STYLES else _layered(rng, family)
    return maps


def _layered(rng: np.random.Generator, family: Family) -> _Floats:
    faulted, simple = "Fault" in family, family.endswith("A")
    horizons, velocities = _layers(rng, _layer_count(rng, faulted, simple), grows=simple)
    bend = _bend(rng) if family.startswith("Curve") else np.zeros((5, 3))
    z, x = _Z, _X
    if faulted:
        z, x = _undo_faults(rng, z, x, crossing=not simple)
    for amplitude, frequency, phase in bend:
        z = z - amplitude * np.sin(frequency * x + phase)
    made: _Floats = velocities[np.searchsorted(horizons, z, side="right")]
    return made


def _layer_count(rng: np.random.Generator, faulted: bool, simple: bool) -> int:
    if not faulted:
        return int(rng.choice([3, 4, 5, 6, 7, 8], p=[0.1, 0.2, 0.2, 0.2, 0.2, 0.1]))
    if simple:
        return int(rng.choice([2, 3, 4], p=[0.6, 0.25, 0.15]))
    return int(rng.integers(5, 9))


def _layers(rng: np.random.Generator, count: int, grows: bool) -> tuple[_Floats, _Floats]:
    """Depths of the ``count - 1`` horizons in cells, and the velocities between them."""
    spare = _CELLS - count * _THINNEST
    thickness = _THINNEST + spare * rng.dirichlet(np.ones(count))
    whole = rng.choice(np.arange(int(VELOCITY_MIN), int(VELOCITY_MAX) + 1), count, replace=False)
    velocities = whole.astype(np.float64)
    return np.cumsum(thickness)[:-1], np.sort(velocities) if grows else velocities


def _bend(rng: np.random.Generator) -> _Floats:
    """Rows of (amplitude in cells, radians a cell, phase): periods 70/1 … 70/5, 10-15 high."""
    frequency = 2 * np.pi * np.arange(1, 6) / _CELLS
    phase = rng.uniform(0, 2 * np.pi, 5)
    amplitude = rng.uniform(0, 1, 5) / np.arange(1, 6)
    shape = np.sum(amplitude[:, None] * np.sin(frequency[:, None] * _X[0] + phase[:, None]), axis=0)
    amplitude = amplitude * rng.uniform(10, 15) / np.ptp(shape)
    return np.stack([amplitude, frequency, phase], axis=1)


def _undo_faults(
    rng: np.random.Generator, z: _Floats, x: _Floats, crossing: bool
) -> tuple[_Floats, _Floats]:
    """Where each point lay before the ground moved, the newest fault undone first.

    One fault of 45° to 80°, or two of 60° to 85° that lean against each other and cross in the map.
    """
    meet_z, meet_x = rng.uniform(0.2 * _CELLS, 0.8 * _CELLS, 2)
    lean = rng.choice([-1.0, 1.0])
    for side in (lean, -lean) if crossing else (lean,):
        dip = np.deg2rad(rng.uniform(60, 85) if crossing else rng.uniform(45, 80))
        down, along = np.sin(dip), side * np.cos(dip)
        throw = rng.choice([-1.0, 1.0]) * rng.uniform(6, 20)
        moved = (x - meet_x) * down > (z - meet_z) * along
        z = np.where(moved, z - throw * down, z)
        x = np.where(moved, x - throw * along, x)
    return z, x


def _style(rng: np.random.Generator, style: Style) -> _Floats:
    root = _root_of_covariance(style.length)
    field = _trend(rng, style) + style.sigma * (root @ rng.standard_normal(MAP_SHAPE) @ root)
    if style.noise:
        field = field + style.noise * rng.standard_normal(MAP_SHAPE)
    return _folded(field)


def _trend(rng: np.random.Generator, style: Style) -> _Floats:
    """Offset and slopes as fitted, given that the plane stays within the range.

    The fitted spreads alone would leave it in most Style_B maps, and what leaves it would have to
    be cut off to plateaus that the originals do not have.
    """
    middle, half = (VELOCITY_MIN + VELOCITY_MAX) / 2, (VELOCITY_MAX - VELOCITY_MIN) / 2
    while True:
        offset = rng.normal(0, style.offset)
        down, right = rng.normal(0, style.slope, 2)
        if abs(offset) + (abs(down) + abs(right)) * _CELLS / 2 <= half:
            break
    plane: _Floats = middle + offset + down * (_Z - _CELLS / 2) + right * (_X - _CELLS / 2)
    return plane


def _folded(field: _Floats) -> _Floats:
    """Values beyond the range mirrored back into it: texture stays, no plateau comes."""
    span = VELOCITY_MAX - VELOCITY_MIN
    past = np.abs(field - VELOCITY_MIN) % (2 * span)
    folded: _Floats = VELOCITY_MIN + np.where(past > span, 2 * span - past, past)
    return folded


@functools.lru_cache(maxsize=4)
def _root_of_covariance(length: float) -> _Floats:
    """S with S·S = exp(−(i − j)²/(2·length²)), (70, 70).

    The squared exponential separates, so S·N·S of white noise N is the process itself on the map.
    The symmetric root does not depend on how eigenvectors happen to be chosen.
    """
    i = np.arange(_CELLS)
    values, vectors = np.linalg.eigh(np.exp(-((i[:, None] - i) ** 2) / (2 * length**2)))
    root: _Floats = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root
