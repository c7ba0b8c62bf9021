"""The input stage of the networks: checks the cube's shape, brings it to float32, scales it.

All of it happens on the cube's own device, so that what is loaded and moved there stays fp16.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fwi.layout import CUBE_SHAPE, MAP_SHAPE, REDUCED_SHAPES
from fwi.reduction import to_72, with_edges

TAPER = 24  # samples
WEAK = 0.05  # in units of OpenFWI's gathers, whose RMS falls from 2.5 before 0.4 s to 0.02-0.1


def as_record(cube: Tensor) -> Tensor:
    """A batch of seismic cubes in float32 on its own device.

    Args:
        cube: (B, 5, 1000, 70), any floating type.
    Raises:
        ValueError: another shape, or a type that is not floating.
    """
    _require(cube, CUBE_SHAPE)
    return cube.float()


def as_reduced(cube: Tensor) -> Tensor:
    """A batch of cubes as the 72×72 re-pack holds them, in float32 on its own device.

    Args:
        cube: (B, 5, 1000, 70), reduced here with the re-pack's recipe, or what a re-pack holds:
            (B, 5, 72, 72), or (B, 5, 70, 70) whose edges are replicated here. Any floating type.
    Returns:
        (B, 5, 72, 72) float32.
    Raises:
        ValueError: another shape, or a type that is not floating.
    """
    _require(cube, CUBE_SHAPE, *REDUCED_SHAPES)
    if tuple(cube.shape[1:]) == CUBE_SHAPE:
        return to_72(cube).float()
    return with_edges(cube.float()) if tuple(cube.shape[2:]) == MAP_SHAPE else cube.float()


def _require(cube: Tensor, *shapes: tuple[int, ...]) -> None:
    if cube.ndim != 4 or tuple(cube.shape[1:]) not in shapes:
        expected = " or ".join(f"(batch, {', '.join(map(str, shape))})" for shape in shapes)
        raise ValueError(
            f"input of shape {tuple(cube.shape)}: expected {expected}, that is "
            "(batch, source, time, receiver) at 1 ms and 10 m where there are 1000 times; "
            "a single cube needs a batch axis"
        )
    if not cube.dtype.is_floating_point:
        raise ValueError(f"input of type {cube.dtype}: expected float16, bfloat16 or float32")


def taper(record: Tensor) -> Tensor:
    """The record faded out over its last 24 ms, to 0 at the last sample.

    The transform takes the record as periodic, so that a step from its end to its start would ring;
    and row 999 itself differs between OpenFWI's files and simulated ones.
    """
    fade = torch.ones(record.shape[-2], device=record.device)
    fade[-TAPER:] = (
        torch.linspace(1, 0, TAPER, device=record.device).mul(math.pi / 2).sin().square()
    )
    return record * fade[:, None]


def compress(record: Tensor) -> Tensor:
    """asinh(p / 0.05) / 3: linear in the weak late record, logarithmic in the early one.

    The late record is some fifty times weaker and tells of the deep half of the map. Unlike a gain
    that follows the record's own level, this keeps what amplitude tells of velocity.
    """
    return torch.asinh(record / WEAK) / 3
