"""The seismic misfit: what the predicted map would have sounded like, against the record.

With d the record and s the simulation of the predicted map, over all shots and receivers and a
window of time, misfit = ‖s − d‖₂ / ‖d‖₂. No true map is needed, so test records can be judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from fwi import wave
from fwi.errors import DataError
from fwi.layout import TIMES, VELOCITY_MAX, VELOCITY_MIN

WHOLE = (0, TIMES - 1)
"""Rows that are compared. The last differs between OpenFWI's files and simulated ones, so it is
left out of both."""
WINDOWS: Mapping[str, tuple[int, int]] = {
    "misfit": WHOLE,
    "misfit_early": (0, 400),
    "misfit_middle": (400, 600),
    "misfit_late": (600, WHOLE[1]),
}
"""Rows (1 ms each) by the score's name. The late record is weak, a hundredth of the early one, and
counts in the whole accordingly; so each window is divided by its own energy."""
FLOAT16_FLOOR = 2.1e-4
"""What storing a record as float16 alone comes to: a true map's misfit on such files."""


def simulated(
    velocity: NDArray[np.float32], device: str, progress: Callable[[int], None] | None = None
) -> NDArray[np.float32]:
    """(B, 1, 70, 70) predicted maps, m/s → (B, 5, 1000, 70) float32.

    Cut to the range of the families first: outside of it the solver may be unstable.
    """
    maps = velocity[:, 0].clip(VELOCITY_MIN, VELOCITY_MAX)
    return wave.simulate(maps, device=device, progress=progress)


def misfits(
    simulation: NDArray[np.floating],
    record: NDArray[np.floating],
    name_of: Callable[[int], str] = "record {}".format,
) -> dict[str, NDArray[np.float64]]:
    """The misfit of each sample in each of the :data:`WINDOWS`.

    Args:
        simulation, record: (B, 5, 1000, 70).
        name_of: what the n-th of them is called in an error.
    Returns:
        (B,) float64 each.
    Raises:
        DataError: a record is silent, or not finite, in a window.
    """
    found = {name: np.empty(len(record)) for name in WINDOWS}
    for n in range(len(record)):
        there = record[n].astype(np.float32)
        residual = simulation[n].astype(np.float32) - there
        for name, (first, end) in WINDOWS.items():
            energy = _energy(there[:, first:end])
            if not 0 < energy < np.inf:
                what = "silent" if energy == 0 else "not finite"
                raise DataError(
                    f"{name_of(n)}: the record is {what} from {first} to {end} ms, and a misfit "
                    "cannot be relative to that; leave it out, or copy it again"
                )
            found[name][n] = np.sqrt(_energy(residual[:, first:end]) / energy)
    return found


def _energy(values: NDArray[np.float32]) -> float:
    return float(np.square(values).sum(dtype=np.float64))
