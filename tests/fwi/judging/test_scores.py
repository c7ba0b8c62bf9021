"""The scores of single samples, against the formulas written out in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from fwi import geology
from fwi.judging.scores import SCORES, scores

pytestmark = pytest.mark.usefixtures("one_thread")


def similarity(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Wang et al. (2004) on maps that begin at 0, every place of the window on its own."""
    along = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    window = np.outer(along, along) / along.sum() ** 2
    first, second = (0.01 * 3000) ** 2, (0.03 * 3000) ** 2
    here, there = sliding_window_view(x, (11, 11)), sliding_window_view(y, (11, 11))

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((values * window).sum((-2, -1)))

    mx, my = mean(here), mean(there)
    dx, dy = here - mx[..., None, None], there - my[..., None, None]
    both = (2 * mx * my + first) * (2 * mean(dx * dy) + second)
    return float((both / ((mx**2 + my**2 + first) * (mean(dx**2) + mean(dy**2) + second))).mean())


def predicted_and_true() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    true = np.concatenate(
        [geology.velocity_maps(name, 2, seed=5) for name in ("FlatFault_B", "Style_B")]
    )
    noise = np.random.default_rng(3).normal(0, [[[5]], [[80]], [[300]], [[900]]], true.shape)
    return (true + noise).astype(np.float32), true


def test_scores_of_each_sample_are_the_formulas() -> None:
    predicted, true = predicted_and_true()
    found = scores(torch.from_numpy(predicted[:, None]), torch.from_numpy(true[:, None]))
    assert tuple(found) == SCORES
    for n, (ours, theirs) in enumerate(zip(predicted, true, strict=True)):
        error = ours.astype(np.float64) - theirs
        odd = error[:, [*range(1, 70, 2)]]
        expected = {
            "mae": np.abs(error).mean(),
            "mae_odd": np.abs(odd).mean(),
            "mse": (error**2).mean(),
            "mse_odd": (odd**2).mean(),
            "ssim": similarity(ours.astype(np.float64) - 1500, theirs.astype(np.float64) - 1500),
        }
        ours_found = {name: float(values[n]) for name, values in found.items()}
        # The library's window is made in float32.
        assert ours_found.pop("ssim") == pytest.approx(expected.pop("ssim"), rel=5e-5)
        assert ours_found == pytest.approx(expected, rel=1e-9)
    assert np.all(np.diff(found["ssim"].numpy()) < 0), "more noise, less alike"


def test_the_true_map_scores_nothing_and_is_wholly_alike() -> None:
    _, true = predicted_and_true()
    maps = torch.from_numpy(true[:, None])
    found = scores(maps, maps)
    assert found["ssim"].tolist() == pytest.approx([1] * len(maps))
    assert all(found[name].max() == 0 for name in SCORES if name != "ssim")


def test_scores_do_not_depend_on_the_batch() -> None:
    predicted, true = (torch.from_numpy(each[:, None]) for each in predicted_and_true())
    whole = scores(predicted, true)
    for n in range(len(true)):
        alone = scores(predicted[n : n + 1], true[n : n + 1])
        assert {k: float(v[n]) for k, v in whole.items()} == pytest.approx(
            {k: float(v[0]) for k, v in alone.items()}, rel=1e-9
        )


@pytest.mark.parametrize(
    ("predicted", "true"),
    [((2, 70, 70), (2, 1, 70, 70)), ((1, 1, 72, 72),) * 2, ((2, 1, 70, 70), (1, 1, 70, 70))],
)
def test_other_shapes_are_refused(predicted: tuple[int, ...], true: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected"):
        scores(torch.zeros(predicted), torch.zeros(true))
