"""Several predictions as one, against NumPy."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch

from fwi import ensemble
from fwi.config.evaluate import Combine


@pytest.mark.parametrize("how", get_args(Combine))
@pytest.mark.parametrize("networks", [1, 2, 3, 4, 5])
def test_mean_and_median_are_numpys_cell_by_cell(how: Combine, networks: int) -> None:
    draws = torch.Generator().manual_seed(networks)
    predictions = [torch.rand(3, 1, 70, 70, generator=draws) * 3000 for _ in range(networks)]
    expected = getattr(np, how)(np.stack([each.numpy() for each in predictions]), axis=0)
    np.testing.assert_allclose(ensemble.combine(torch.stack(predictions), how), expected, rtol=1e-6)


def test_one_network_far_off_moves_the_mean_and_not_the_median() -> None:
    predictions = [torch.full((1, 1, 70, 70), float(v)) for v in (2000, 2010, 4500)]
    assert ensemble.combine(torch.stack(predictions), "median").unique().tolist() == [2010]
    assert ensemble.combine(torch.stack(predictions), "mean").mean() > 2800
