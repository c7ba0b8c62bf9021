"""The validation errors, against the formula written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from fwi.evaluation import ErrorSums

NAMES = ("FlatVel_A", "CurveVel_A", "Style_A")


def maps(samples: int, seed: int) -> torch.Tensor:
    draws = torch.Generator().manual_seed(seed)
    return torch.rand(samples, 1, 70, 70, generator=draws) * 3000 + 1500


@pytest.mark.parametrize("batch_size", [1, 3, 7])
def test_errors_are_those_of_all_samples_at_once_whatever_the_batches(batch_size: int) -> None:
    predicted, velocity = maps(7, 0), maps(7, 1)
    families = torch.tensor([0, 2, 2, 0, 0, 2, 2])
    sums = ErrorSums(NAMES)
    for first in range(0, 7, batch_size):
        part = slice(first, first + batch_size)
        sums.add(predicted[part], velocity[part], families[part])
    errors = sums.result()
    exact = np.abs(predicted.numpy().astype(np.float64) - velocity.numpy())
    assert errors.overall == pytest.approx(exact.mean(), rel=1e-6)
    assert errors.odd == pytest.approx(exact[..., [*range(1, 70, 2)]].mean(), rel=1e-6)
    assert list(errors.by_family) == ["FlatVel_A", "Style_A"]
    assert errors.by_family["Style_A"] == pytest.approx(exact[[1, 2, 5, 6]].mean(), rel=1e-6)
    assert errors.samples == 7


def test_an_error_in_even_columns_alone_does_not_count_in_the_odd_ones() -> None:
    velocity = maps(2, 0)
    predicted = velocity.clone()
    predicted[..., 0::2] += 10
    sums = ErrorSums(NAMES)
    sums.add(predicted, velocity, torch.tensor([1, 1]))
    errors = sums.result()
    assert errors.odd == 0
    assert errors.overall == pytest.approx(5, rel=1e-4)


def test_half_precision_predictions_are_compared_in_float32() -> None:
    velocity = torch.full((1, 1, 70, 70), 3001.0)
    sums = ErrorSums(NAMES)
    sums.add(torch.full_like(velocity, 3000).bfloat16(), velocity, torch.tensor([0]))
    assert sums.result().overall == pytest.approx(abs(3001 - 3008), rel=0.2)


def test_prediction_that_is_not_finite_shows_in_the_error() -> None:
    sums = ErrorSums(NAMES)
    sums.add(torch.full((1, 1, 70, 70), math.nan), maps(1, 0), torch.tensor([0]))
    assert math.isnan(sums.result().overall)


def test_wrong_shape_and_empty_set_are_refused() -> None:
    sums = ErrorSums(NAMES)
    with pytest.raises(ValueError, match="differ in shape"):
        sums.add(maps(1, 0)[:, 0], maps(1, 0), torch.tensor([0]))
    with pytest.raises(ValueError, match="no sample was counted"):
        sums.result()
