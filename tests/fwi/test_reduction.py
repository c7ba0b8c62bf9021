"""The record reduced to 72×72, beside the re-pack's recipe taken step by step."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from fwi.reduction import to_72
from tests.fwi import reference

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_every_bit_is_that_of_the_recipe(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    cubes = (torch.randn(18, 5, 1000, 70, generator=generator) * 7).to(dtype)
    expected = torch.empty(18, 5, 72, 72, dtype=torch.float16)
    for n, cube in enumerate(cubes):
        for source, gather in enumerate(cube):
            area = F.interpolate(gather.float()[None, None], size=(70, 70), mode="area")
            expected[n, source] = F.pad(area, (1, 1, 1, 1), mode="replicate")[0, 0].half()
    assert torch.equal(to_72(cubes), expected)
    assert torch.equal(to_72(cubes.to(memory_format=torch.channels_last)), expected)


def test_rows_are_means_over_their_part_of_the_time_and_columns_stay() -> None:
    cube = reference.cubes(5, 1000, 70)
    reduced = to_72(cube).float()[..., 1:-1, 1:-1]
    # PyTorch's adaptive windows: row i covers ⌊1000i/70⌋ to ⌈1000(i+1)/70⌉.
    for row in (0, 1, 34, 69):
        window = cube[:, :, 1000 * row // 70 : -(-1000 * (row + 1) // 70)]
        torch.testing.assert_close(reduced[:, :, row], window.mean(2), atol=2e-3, rtol=1e-3)


def test_edges_are_those_of_the_inside() -> None:
    reduced = to_72(reference.cubes(5, 1000, 70))
    assert torch.equal(reduced[..., 0, :], reduced[..., 1, :])
    assert torch.equal(reduced[..., :, -1], reduced[..., :, -2])
