"""The seismic misfit: nothing for the true map, much for a wrong one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from fwi import geology, wave
from fwi.errors import DataError
from fwi.judging.misfit import FLOAT16_FLOOR, WINDOWS, misfits, simulated


@pytest.fixture(scope="module")
def maps() -> NDArray[np.float32]:
    names = ("FlatVel_B", "CurveFault_A", "Style_A")
    return np.concatenate([geology.velocity_maps(name, 1, seed=11) for name in names])


@pytest.fixture(scope="module")
def records(maps: NDArray[np.float32]) -> NDArray[np.float16]:
    """As a float16 set holds them."""
    return wave.simulate(maps).astype(np.float16)


def test_true_map_is_at_the_floor_of_float16_and_a_wrong_one_far_above(
    maps: NDArray[np.float32], records: NDArray[np.float16]
) -> None:
    right = misfits(simulated(maps[:, None], "cpu"), records)["misfit"]
    wrong = misfits(simulated(maps[[1, 2, 0], None], "cpu"), records)["misfit"]
    assert right == pytest.approx(FLOAT16_FLOOR, rel=0.1)
    assert wrong.min() > 1000 * FLOAT16_FLOOR


def test_misfit_is_zero_for_what_was_simulated_and_grows_with_the_error(
    maps: NDArray[np.float32],
) -> None:
    there = wave.simulate(maps[:1])
    found = [
        misfits(simulated(maps[:1, None] * factor, "cpu"), there)["misfit"][0]
        for factor in (1, 1.002, 1.02)
    ]
    assert found[0] == 0
    assert found[0] < found[1] < found[2]


def test_each_window_is_the_formula(records: NDArray[np.float16]) -> None:
    again = records.astype(np.float64) + np.random.default_rng(1).normal(0, 0.2, records.shape)
    found = misfits(again.astype(np.float32), records)
    assert found.keys() == WINDOWS.keys()
    for name, (first, end) in WINDOWS.items():
        there = records[:, :, first:end].astype(np.float64)
        residual = again[:, :, first:end] - there
        expected = np.linalg.norm(residual.reshape(3, -1), axis=1) / np.linalg.norm(
            there.reshape(3, -1), axis=1
        )
        assert found[name] == pytest.approx(expected, rel=1e-5), name
    assert (found["misfit_late"] > found["misfit_early"]).all(), "the late record is weak"


def test_windows_leave_no_row_out_but_the_last_which_differs_between_sources(
    records: NDArray[np.float16],
) -> None:
    ends = [WINDOWS[f"misfit_{part}"] for part in ("early", "middle", "late")]
    assert [row for first, end in ends for row in range(first, end)] == list(range(999))
    other = records.astype(np.float32)
    other[:, :, 999] += 100
    assert max(values.max() for values in misfits(other, records).values()) == 0


def test_prediction_out_of_range_is_cut_before_it_is_simulated() -> None:
    wild = np.full((1, 1, 70, 70), 9000, np.float32)
    wild[..., :35, :] = 3
    tame = wild.clip(1500, 4500)
    assert np.array_equal(simulated(wild, "cpu"), wave.simulate(tame))


@pytest.mark.parametrize(
    ("value", "words"), [(0, "silent from 600 to 999 ms"), (np.nan, "not finite from 0 to 999 ms")]
)
def test_record_that_nothing_can_be_relative_to_is_named(
    records: NDArray[np.float16], value: float, words: str
) -> None:
    broken = records[:1].copy()
    broken[:, :, 600:999] = value
    with pytest.raises(DataError, match=f"the third: the record is {words}"):
        misfits(records[:1], broken, lambda n: "the third")
