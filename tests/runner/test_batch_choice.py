"""The batch that fits: from predictions, and confirmed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runner import batch_choice
from runner.batch_choice import Choice, Trial
from runner.prediction import Span


def line(base: int, slope: int) -> Callable[[int], Span]:
    def predict(size: int) -> Span:
        likely = base + slope * size
        return Span(likely // 2, likely, 2 * likely)

    return predict


@pytest.mark.parametrize(
    ("room", "most", "size", "by_memory"),
    [
        (2 * (100 + 10 * 40), 512, 40, True),
        (2 * (100 + 10 * 43), 512, 40, True),
        (2 * (100 + 10 * 9), 512, 9, True),
        (2 * (100 + 10 * 3), 512, 3, True),
        (2 * (100 + 10 * 1), 512, 1, True),
        (2 * (100 + 10 * 1) - 1, 512, 0, True),
        (1_000_000, 12, 12, False),
        (1_000_000, 1, 1, False),
        (1_000_000, 100, 96, False),
    ],
)
def test_largest_size_whose_own_prediction_fits_with_its_margin(
    room: int, most: int, size: int, by_memory: bool
) -> None:
    predict, asked = line(100, 10), []

    def noted(batch: int) -> Span:
        asked.append(batch)
        return predict(batch)

    found = batch_choice.choose(noted, room, most)
    assert (found.size, found.by_memory) == (size, by_memory)
    assert found.size in asked or found.size == 0
    assert found.size == 0 or found.predicted.most <= room
    assert len(asked) <= 9


def test_prediction_that_jumps_is_followed_to_a_size_that_fits() -> None:
    def predict(size: int) -> Span:
        bytes_ = 100 + 10 * size + (500 if size > 20 else 0)
        return Span(bytes_, bytes_, bytes_)

    found = batch_choice.choose(predict, 700, 512)
    assert 16 <= found.size <= 20
    assert found.predicted.most <= 700


@pytest.mark.parametrize(
    ("samples", "accumulate", "size", "words"),
    [
        (96, 1, 12, "96 training samples"),
        (96, 2, 6, "96 training samples"),
        (3, 1, 1, "3 training samples"),
        (100_000, 1, 512, "512 samples a move"),
        (100_000, 4, 128, "512 samples a move"),
    ],
)
def test_cap_says_what_it_is_of(samples: int, accumulate: int, size: int, words: str) -> None:
    found = batch_choice.cap(samples, accumulate)
    assert found.size == size
    assert words in found.bound


ROOM = 2 * (100 + 10 * 40)


@pytest.mark.parametrize(
    ("ends", "found", "trials"),
    [
        ([("ok", 900)], True, 1),
        ([("ok", None)], True, 1),
        ([("oom.device.capacity", None), ("ok", 500)], True, 2),
        ([("ok", 990), ("ok", 500)], True, 2),
        ([("oom.host.killed", None), ("oom.host.killed", None)], False, 2),
        ([("error.data", None)], False, 1),
        ([("interrupted", None)], False, 1),
        ([("hang.device", None)], False, 1),
    ],
)
def test_smaller_size_is_confirmed_once_and_nothing_else_is_tried(
    ends: list[tuple[str, int | None]], found: bool, trials: int
) -> None:
    left = list(ends)

    def confirm(choice: Choice) -> Trial:
        outcome, peak = left.pop(0)
        return Trial(choice.size, outcome, peak, "run")

    search = batch_choice.search(line(100, 10), confirm, ROOM, 512)
    assert (search.found, len(search.trials), left) == (found, trials, [])
    sizes = [one.size for one in search.trials]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == len(sizes)
    assert not found or search.choice.size == sizes[-1]
