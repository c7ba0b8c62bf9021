"""How the seismic misfit goes with the error of a map, without a network: true maps smoothed, which
is how predictions are wrong, more or less of it each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fwi import geology, wave
from fwi.judging.correlation import of_ranks
from fwi.judging.misfit import FLOAT16_FLOOR, misfits, simulated
from fwi.layout import FAMILIES
from tests.bench.figure import Figure

_MAPS_A_FAMILY = 16
_WIDTHS = (0.5, 12.0)
"""Cells: the Gaussian's sigma, evenly drawn in its logarithm."""


def measure() -> list[Figure]:
    draws = np.random.default_rng(0)
    floors, maes, found = [], [], []
    for family in FAMILIES:
        true = geology.velocity_maps(family, _MAPS_A_FAMILY, seed=0)
        records = wave.simulate(true).astype(np.float16)
        widths = np.exp(draws.uniform(*np.log(_WIDTHS), len(true)))
        wrong = np.stack([_smoothed(*pair) for pair in zip(true, widths, strict=True)])
        floors += misfits(simulated(true[:, None], "cpu"), records)["misfit"].tolist()
        found += misfits(simulated(wrong[:, None], "cpu"), records)["misfit"].tolist()
        maes += np.abs(wrong - true).mean((1, 2)).tolist()
    detail = (
        f"{_MAPS_A_FAMILY} maps of each family, smoothed by a Gaussian of {_WIDTHS[0]:g} to "
        f"{_WIDTHS[1]:g} cells: MAE {min(maes):.0f} to {max(maes):.0f} m/s, misfit "
        f"{min(found):.3f} to {max(found):.2f}"
    )
    return [
        Figure(
            "misfit of the true map, float16 records",
            float(np.mean(floors)),
            "",
            f"{FLOAT16_FLOOR:.1e}, as stored",
            0.9 * FLOAT16_FLOOR < float(np.mean(floors)) < 1.1 * FLOAT16_FLOOR,
            f"{min(floors):.1e} to {max(floors):.1e}",
        ),
        _correlation(
            "correlation of misfit and MAE", float(np.corrcoef(found, maes)[0, 1]), detail
        ),
        _correlation("the same of their ranks", of_ranks(found, maes) or 0.0, detail),
    ]


def _correlation(name: str, value: float, detail: str) -> Figure:
    return Figure(name, value, "", "-", None, detail)


def _smoothed(velocity: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """A map through a Gaussian of ``sigma`` cells, its edges repeated."""
    reach = int(np.ceil(3 * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    found = velocity.astype(np.float64)
    for axis in (0, 1):
        wide = np.pad(found, [(reach, reach) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
        parts = np.lib.stride_tricks.sliding_window_view(wide, len(weights), axis=axis)
        found = parts @ (weights / weights.sum())
    return found.astype(np.float32)
