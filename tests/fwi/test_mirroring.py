"""The mirrored record, held against the simulated record of the mirrored medium."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fwi import geology, mirroring, wave
from fwi.augmentation import mirror
from fwi.layout import Family


@pytest.fixture(scope="module")
def media() -> tuple[np.ndarray, torch.Tensor, torch.Tensor]:
    """A flat, a curved and a smooth map; their records, and those of their mirror images."""
    families: tuple[Family, ...] = ("FlatVel_B", "CurveVel_A", "Style_A")
    maps = np.concatenate([geology.velocity_maps(name, 1, seed=7, first=0) for name in families])
    records = torch.from_numpy(wave.simulate(np.concatenate([maps, maps[..., ::-1]]), threads=1))
    return maps, records[:3], records[3:]


def off(found: torch.Tensor, truth: torch.Tensor) -> list[float]:
    """Norm of the difference against the truth's, a map each."""
    return ((found - truth).flatten(1).norm(dim=1) / truth.flatten(1).norm(dim=1)).tolist()


def test_four_channels_are_exact_and_the_middle_one_nearly(
    media: tuple[np.ndarray, torch.Tensor, torch.Tensor],
) -> None:
    _, records, truth = media
    found = mirroring.mirrored(records)
    assert max(off(found[:, [0, 1, 3, 4]], truth[:, [0, 1, 3, 4]])) < 1e-5
    flat, curved, smooth = off(found[:, 2], truth[:, 2])
    assert flat < 0.005
    assert max(curved, smooth) < 0.15
    everywhere = torch.ones(3, dtype=torch.bool)
    reversed_only, _ = mirror(records, torch.zeros(3, 1, 70, 70), everywhere)
    assert min(off(reversed_only[:, 2], truth[:, 2])) > 0.3


def test_traces_at_the_shots_places_are_exact_by_reciprocity(
    media: tuple[np.ndarray, torch.Tensor, torch.Tensor],
) -> None:
    _, records, truth = media
    places = list(wave.SOURCE_X)
    found = mirroring.shot_beside_the_middle(records)[..., places]
    assert max(off(found, truth[:, 2].flip(-1)[..., places])) < 1e-5


def test_given_record_is_left_as_it_was(
    media: tuple[np.ndarray, torch.Tensor, torch.Tensor],
) -> None:
    _, records, _ = media
    before = records.clone()
    half = mirroring.mirrored(records.half())
    assert half.dtype == torch.float16
    assert torch.equal(records, before)
