"""Samples made small: what may be lost, and what never."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.report import history, timeline
from runner.report.timeline import Mix, Samples, Series, Stretch

_values = st.lists(st.integers(0, 1 << 40), min_size=1, max_size=400)


@st.composite
def _series(draw: st.DrawFn) -> Series:
    values = draw(_values)
    gaps = draw(st.lists(st.floats(0.001, 100.0), min_size=len(values), max_size=len(values)))
    at_s, now = [], 0.0
    for gap in gaps:
        now += gap
        at_s.append(now)
    return Series("x", at_s, values)


@given(_series(), st.integers(1, 60))
def test_a_thinned_line_keeps_its_extremes_its_ends_and_its_order(line: Series, few: int) -> None:
    thin = timeline.thinned(line, few)
    points = list(zip(line.at_s, line.values, strict=True))
    kept = list(zip(thin.at_s, thin.values, strict=True))
    assert len(kept) <= 2 * few + 2
    assert set(kept) <= set(points)
    assert kept[0] == points[0]
    assert kept[-1] == points[-1]
    assert max(thin.values) == max(line.values)
    assert min(thin.values) == min(line.values)
    assert all(a < b for a, b in pairwise(thin.at_s))
    assert thin.peak() == line.peak() or thin.peak()[1] == line.peak()[1]  # type: ignore[index]


@given(_series(), st.integers(1, 60))
def test_of_every_stretch_of_time_the_highest_and_the_lowest_are_kept(
    line: Series, few: int
) -> None:
    thin = timeline.thinned(line, few)
    width = (line.at_s[-1] - line.at_s[0]) / few
    for bucket in range(few):
        begin = line.at_s[0] + bucket * width
        end = line.at_s[0] + (bucket + 1) * width
        within = [v for at, v in zip(line.at_s, line.values, strict=True) if begin <= at < end]
        shown = [v for at, v in zip(thin.at_s, thin.values, strict=True) if begin <= at < end]
        if within and bucket < few - 1:
            assert max(shown) == max(within)
            assert min(shown) == min(within)


def test_a_short_line_stays_as_it_is() -> None:
    line = Series("x", [0.0, 1.0, 2.0], [3, 1, 2])
    assert timeline.thinned(line, 2) is line


def test_a_run_of_twelve_hours_keeps_a_peak_of_one_sample() -> None:
    count = 432_000
    values = [n % 1000 for n in range(count)]
    values[271_828] = 5000
    thin = timeline.thinned(Series("x", [n / 10 for n in range(count)], values))
    assert len(thin.values) <= 2 * timeline.BUCKETS + 2
    assert thin.peak() == (27182.8, 5000)


def test_values_that_were_not_read_are_left_out_and_not_taken_for_zero() -> None:
    samples = Samples([0.0, 1.0, 2.0], [1] * 3, [""] * 3, [0] * 3, {"host_pss": [5, None, 7]})
    assert samples.series("host_pss") == Series("host_pss", [0.0, 2.0], [5, 7])
    assert samples.series("shm").peak() is None


def test_consecutive_samples_of_a_phase_are_one_stretch() -> None:
    found = timeline.stretches([0.0, 1.0, 2.0, 5.0], ["a", "a", "", "b"], 6.0)
    assert found == [Stretch("a", 0.0, 2.0), Stretch("b", 5.0, 6.0)]
    assert timeline.stretches([], [], 6.0) == []


_names = st.lists(st.sampled_from("abc"), min_size=2, max_size=300)


@given(_names, st.integers(1, 50))
def test_shares_of_phases_fill_every_stretch_and_keep_their_totals(
    names: list[str], buckets: int
) -> None:
    at_s = [float(n) for n in range(len(names))]
    parts = timeline.mixes(timeline.stretches(at_s, names, float(len(names))))
    found = timeline.shares(parts, buckets)
    for column in zip(*found.parts.values(), strict=True):
        assert sum(column) == pytest.approx(1.0)
    for name, seconds in timeline.totals(parts).items():
        assert sum(found.parts[name]) * found.width_s == pytest.approx(seconds)


def test_no_time_has_no_shares() -> None:
    assert timeline.shares([]).parts == {}
    assert timeline.shares([Mix(1.0, 1.0, {"a": 0.0})]).parts == {}


def test_time_of_which_only_the_shares_are_known_is_not_told_in_an_order() -> None:
    found = timeline.shares([Mix(0.0, 4.0, {"a": 3.0, "b": 1.0})], 4)
    assert found.parts == {"a": [0.75] * 4, "b": [0.25] * 4}
    assert found.middle_s == [0.5, 1.5, 2.5, 3.5]


def test_what_phases_have_more_than_before_went_to_the_time_between() -> None:
    lines = ['[1.0, {"a": 0.5, "b": 0.5}]', "half a li", '[3.0, {"a": 2.0}]']
    lines += ['[4.0, {"a": 2.5, "b": 2.0}]', '[5.0, {"b": NaN}]']
    again = '[6.0, {"a": 1.0}]'
    assert history.spent(["\n".join(lines), again]) == [
        Mix(0.0, 1.0, {"a": 0.5, "b": 0.5}),
        Mix(1.0, 3.0, {"a": 2.0}),
        Mix(3.0, 4.0, {"a": 0.25, "b": 0.75}),
        Mix(5.0, 6.0, {"a": 1.0}),
    ]
