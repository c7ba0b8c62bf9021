"""Which samples are mirrored, and what a mirror image is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fwi import geology, wave
from fwi.augmentation import flips, mirror


def batch(samples: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    draws = torch.Generator().manual_seed(0)
    cube = torch.randn(samples, 5, 1000, 70, generator=draws).half()
    return cube, torch.rand(samples, 1, 70, 70, generator=draws) * 3000 + 1500


def test_sources_receivers_and_width_are_reversed_together() -> None:
    cube, velocity = batch(2)
    which = torch.tensor([False, True])
    mirrored_cube, mirrored_velocity = mirror(cube, velocity, which)
    assert torch.equal(mirrored_cube[0], cube[0])
    assert torch.equal(mirrored_velocity[0], velocity[0])
    assert mirrored_cube[1, 0, 7, 3] == cube[1, 4, 7, 66]
    assert mirrored_velocity[1, 0, 7, 3] == velocity[1, 0, 7, 66]


def test_mirrored_twice_is_the_sample_again_and_the_given_tensors_stay() -> None:
    cube, velocity = batch()
    kept = cube.clone(), velocity.clone()
    everything = torch.ones(len(cube), dtype=torch.bool)
    again = mirror(*mirror(cube, velocity, everything), everything)
    for given, before, after in zip((cube, velocity), kept, again, strict=True):
        assert torch.equal(given, before)
        assert torch.equal(after, before)


def test_mirror_image_is_the_physics_of_the_mirrored_map_but_for_the_middle_source() -> None:
    velocity = geology.velocity_maps("FlatFault_A", 1, seed=3)
    record = torch.from_numpy(wave.simulate(velocity))
    of_mirrored = torch.from_numpy(wave.simulate(np.ascontiguousarray(velocity[..., ::-1])))
    mirrored, _ = mirror(record, torch.from_numpy(velocity)[:, None], torch.tensor([True]))
    for source in (0, 1, 3, 4):
        torch.testing.assert_close(mirrored[0, source], of_mirrored[0, source], rtol=0, atol=1e-3)
    error = (mirrored[0, 2] - of_mirrored[0, 2]).norm() / of_mirrored[0, 2].norm()
    assert 0.2 < error < 0.8


@pytest.mark.parametrize(("probability", "share"), [(0.0, 0.0), (1.0, 1.0)])
def test_certain_probability_mirrors_none_or_all(probability: float, share: float) -> None:
    assert flips(0, 0, 1000, probability).mean() == share


def test_half_of_the_samples_are_mirrored_and_others_in_the_next_epoch_or_seed() -> None:
    first = flips(5, 0, 10_000, 0.5)
    assert 0.47 < first.mean() < 0.53
    for other in (flips(5, 1, 10_000, 0.5), flips(6, 0, 10_000, 0.5)):
        assert 0.47 < (first == other).mean() < 0.53
    assert np.array_equal(first, flips(5, 0, 10_000, 0.5))
