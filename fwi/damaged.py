"""Which sample is at fault where a loss, an error or a prediction is not finite.

Samples are not looked at while all is well: that would cost a pass over every byte. Only when a
number is not finite are those that it may come from read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch

from fwi import weights
from fwi.dataset import Samples
from probes import pulse

_BEAT = 16
"""Samples between two pulses."""


def first(
    samples: Samples, positions: Iterable[int], beat: Callable[[], None] = lambda: None
) -> str | None:
    """What to say of the first sample that is not finite, by its file; None where all are finite.

    Args:
        positions: in ``samples``, which are read again.
        beat: called now and then, since it may be many.
    Raises:
        DataError: a file cannot be read any more.
    """
    with pulse.phase("data"):
        for count, position in enumerate(positions):
            if count % _BEAT == 0:
                beat()
            sample = samples[position]
            cube, velocity = sample if isinstance(sample, tuple) else (sample, None)
            if not bool(torch.isfinite(cube).all()):
                return (
                    f"{_place(samples, position, of_map=False)}: the record holds values that are "
                    "not finite, or beyond float16's 65,504; expected a seismic record, all of it "
                    "numbers: copy its file again, or leave it out"
                )
            if velocity is not None and not bool(torch.isfinite(velocity).all()):
                return (
                    f"{_place(samples, position, of_map=True)}: the velocity map is not finite; "
                    "copy its file again, or leave it out"
                )
    return None


def _place(samples: Samples, position: int, *, of_map: bool) -> str:
    file, number = samples.index.locate(position)
    path = samples.index.velocity_path(file) if of_map else samples.index.path(file)
    return weights.shown(f"{path}[{number}]" if samples.index.labelled else str(path))
