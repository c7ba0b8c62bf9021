"""Small trees of files in the layouts that are out there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fwi.layout import CUBE_SHAPE, pair_names

Array = NDArray[np.floating]


def cubes(
    n: int, seed: int, dtype: DTypeLike = np.float32, shape: tuple[int, ...] = CUBE_SHAPE
) -> Array:
    return np.random.default_rng(seed).normal(0, 3, (n, *shape)).astype(dtype)


def maps(n: int, seed: int) -> Array:
    return np.random.default_rng(seed).uniform(1500, 4500, (n, 1, 70, 70)).astype(np.float32)


def write_pair(
    root: Path, family: str, n: int, samples: int = 2, dtype: DTypeLike = np.float32
) -> tuple[Path, Path]:
    """The n-th pair of a family, in the published layout; its numbers depend on the names alone."""
    seismic, velocity = (root / name for name in pair_names(family, n))
    for path in (seismic, velocity):
        path.parent.mkdir(parents=True, exist_ok=True)
    seed = sum(family.encode()) + 1000 * n
    np.save(seismic, cubes(samples, seed, dtype))
    np.save(velocity, maps(samples, seed))
    return seismic, velocity
