"""What streams, against all samples at once: means, correlations, the worst, the drawn."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from fwi.judging.chosen import Drawn, Worst
from fwi.judging.correlation import Correlation, of_ranks
from fwi.judging.sums import FamilySums, Tally

NAMES = ("FlatVel_A", "CurveVel_A", "Style_A")
BATCHES = pytest.mark.parametrize("batch", [1, 7, 64, 1000])


def made(count: int, seed: int = 0) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.int64]]:
    """Scores of a first and a third family; the second is never seen."""
    draws = np.random.default_rng(seed)
    mae = draws.lognormal(4, 1, count)
    values = {"mae": mae, "mse": mae**2 * 1.5, "misfit": mae / 900 * draws.lognormal(0, 0.4, count)}
    return values, draws.choice([0, 2], count)


def parts(count: int, batch: int) -> list[slice]:
    return [slice(first, min(first + batch, count)) for first in range(0, count, batch)]


def cut(values: dict[str, NDArray[np.float64]], part: slice) -> dict[str, NDArray[np.float64]]:
    return {name: column[part] for name, column in values.items()}


@BATCHES
def test_means_are_those_of_all_samples_whatever_the_batches(batch: int) -> None:
    values, families = made(500)
    tally = Tally(NAMES, ("mae", "mse"))
    for part in parts(500, batch):
        tally.add(cut(values, part), families[part])
    overall, by_family = tally.overall(), tally.by_family()
    assert overall.samples == 500
    assert overall["mae"] == pytest.approx(values["mae"].mean())
    assert overall["rmse"] == pytest.approx(math.sqrt(values["mse"].mean()))
    assert list(by_family) == ["FlatVel_A", "Style_A"]
    assert by_family["Style_A"]["mae"] == pytest.approx(values["mae"][families == 2].mean())
    assert by_family["Style_A"].as_dict().keys() == {"samples", "mae", "rmse"}


@BATCHES
def test_worst_are_the_worst_of_all_in_their_order(batch: int) -> None:
    values, families = made(500)
    worst = Worst("mae", 10)
    for part in parts(500, batch):
        worst.add(cut(values, part), np.arange(500)[part], families[part])
    expected = np.argsort(-values["mae"])[:10]
    found = worst.found()
    assert [one.position for one in found] == expected.tolist()
    assert [one.family for one in found] == families[expected].tolist()
    assert [one.scores["misfit"] for one in found] == values["misfit"][expected].tolist()


def test_fewer_samples_than_ten_are_all_among_the_worst() -> None:
    values, families = made(4)
    worst = Worst("mae", 10)
    worst.add(values, np.arange(4), families)
    assert sorted(one.position for one in worst.found()) == [0, 1, 2, 3]


@BATCHES
def test_correlation_is_numpys_over_all_and_within_families(batch: int) -> None:
    values, families = made(500)
    together = Correlation(NAMES)
    for part in parts(500, batch):
        together.add(values["mae"][part], values["misfit"][part], families[part])
    assert together.overall() == pytest.approx(
        np.corrcoef(values["mae"], values["misfit"])[0, 1], abs=1e-9
    )
    within = together.by_family()
    assert list(within) == ["FlatVel_A", "Style_A"]
    of_style = [values[name][families == 2] for name in ("mae", "misfit")]
    assert within["Style_A"] == pytest.approx(np.corrcoef(*of_style)[0, 1], abs=1e-9)


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        ([1, 2, 3, 4], [1, 10, 11, 400], 1),
        ([1, 2, 3, 4], [9, 8, 7, -5], -1),
        ([1, 2, 2, 3], [1, 2, 2, 3], 1),
        ([1, 1, 2, 2], [5, 6, 5, 6], 0),
        ([1, 2], [1, 2], None),
        ([3, 3, 3], [1, 2, 3], None),
    ],
)
def test_correlation_of_ranks(x: list[float], y: list[float], expected: float | None) -> None:
    found = of_ranks(x, y)
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-12))


def test_constant_score_has_no_correlation() -> None:
    together = Correlation(NAMES)
    together.add(np.full(50, 123.4), np.arange(50.0), np.zeros(50, np.int64))
    assert together.overall() is None


def test_drawn_are_the_same_whatever_the_batches_and_all_where_they_are_few() -> None:
    values, families = made(600)
    found = []
    for batch in (1, 50, 600):
        drawn = Drawn(NAMES, "mae", 40)
        for part in parts(600, batch):
            drawn.add(cut(values, part), np.arange(600)[part], families[part])
        found.append([[one.position for one in held] for held in drawn.found()])
    assert found[0] == found[1] == found[2]
    assert [len(held) for held in found[0]] == [40, 0, 40]
    few = Drawn(NAMES, "mae", 40)
    few.add(cut(values, slice(0, 30)), np.arange(30), families[:30])
    assert sorted(one.position for held in few.found() for one in held) == list(range(30))


def test_each_sample_is_as_likely_to_be_drawn() -> None:
    values = {"mae": np.arange(20_000.0)}
    drawn = Drawn(("one",), "mae", 512)
    drawn.add(values, np.arange(20_000), np.zeros(20_000, np.int64))
    positions = [one.position for one in drawn.found()[0]]
    assert len(set(positions)) == 512
    # The mean of 512 uniform draws: 10,000 with a deviation of 255.
    assert np.mean(positions) == pytest.approx(10_000, abs=5 * 255)


def test_typical_sample_is_the_median_of_its_family() -> None:
    values = {"mae": np.array([5.0, 1, 9, 100, 300, 200])}
    drawn = Drawn(NAMES, "mae")
    drawn.add(values, np.arange(6), np.array([0, 0, 0, 2, 2, 2]))
    assert [(one.family, one.rank) for one in drawn.typical()] == [(0, 5.0), (2, 200.0)]


def test_nothing_grows_with_the_number_of_samples() -> None:
    kept = (
        Tally(NAMES, ("mae", "mse")), Correlation(NAMES), FamilySums(NAMES, 70),
        Worst("mae"), Drawn(NAMES, "mae"),
    )  # fmt: skip
    tally, together, depth, worst, drawn = kept

    def judge(first: int, count: int) -> int:
        for start in range(first, first + count, 500):
            values, families = made(500, seed=start)
            positions = np.arange(start, start + 500)
            tally.add(values, families)
            together.add(values["mae"], values["misfit"], families)
            depth.add(np.zeros((500, 70)), families)
            worst.add(values, positions, families)
            drawn.add(values, positions, families)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        judge(0, 2_000)
        before = judge(2_000, 1_000)
        after = judge(3_000, 16_000)
    finally:
        tracemalloc.stop()
    assert after - before < 16_000, "less than a byte a sample"
