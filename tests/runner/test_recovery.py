"""The ladder: tables of what follows what. Nothing is started here."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fwi.config import Evaluate, Infer, Synth, Train
from runner.ladder import (
    ALLOCATOR_VARIABLES,
    LADDERS,
    NOT_RETRIED,
    Ended,
    Settings,
    smaller_batch,
    with_expandable_segments,
)
from runner.outcomes import Outcome
from runner.recovery import Change, Stop, decide, words
from runner.same_failure import Failure

O = Outcome  # noqa: E741 - a table of these would be unreadable otherwise
PAGE = Path(__file__).resolve().parents[2] / "docs" / "recovery.md"


def climb(
    outcome: Outcome, settings: Settings, *, retries: int = 20, precision: str = ""
) -> list[str]:
    """What an attempt after the other is changed by, each failing elsewhere; the reason to stop."""
    history: list[Ended] = []
    found: list[str] = []
    rung = None
    for step in range(100):
        failure = Failure(outcome, "words", step, precision or None)
        history.append(Ended(failure, settings, rung))
        decision = decide(history, retries)
        if isinstance(decision, Stop):
            return [*found, decision.reason]
        found.append(words(decision))
        settings, rung = decision.settings, decision.rung
    raise AssertionError("no end of attempts")


def train(**options: Any) -> Settings:
    return Settings(Train(**options))


SEGMENTS = (
    "PYTORCH_ALLOC_CONF=expandable_segments:True PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True"
)


@pytest.mark.parametrize(
    ("outcome", "options", "expected"),
    [
        (
            O.OOM_DEVICE_CAPACITY,
            {"batch_size": 8},
            [
                "--batch-size 4 --accumulate 2",
                "--activation-checkpointing",
                "--batch-size 2 --accumulate 4",
                "--batch-size 1 --accumulate 8",
            ],
        ),
        (
            O.OOM_DEVICE_CAPACITY,
            {"batch_size": 6, "accumulate": 3, "model": "specproj-original"},
            ["--batch-size 3 --accumulate 6", "--batch-size 1 --accumulate 18"],
        ),
        (O.OOM_DEVICE_CAPACITY, {"batch_size": 1, "activation_checkpointing": True}, []),
        (
            O.OOM_DEVICE_FRAGMENTATION,
            {"batch_size": 2},
            [SEGMENTS, "--batch-size 1 --accumulate 2", "--activation-checkpointing"],
        ),
        (
            O.OOM_DEVICE_LIBRARY,
            {"batch_size": 2},
            ["--batch-size 1 --accumulate 2", "--activation-checkpointing"],
        ),
        (O.OOM_PINNED, {}, ["--no-pin-memory"]),
        (
            O.OOM_HOST_KILLED,
            {"workers": 8, "batch_size": 2},
            ["--workers 4 --prefetch 1", "--workers 0", "--batch-size 1 --accumulate 2"],
        ),
        (O.OOM_HOST_WORKER, {"workers": 1, "batch_size": 1}, ["--workers 0"]),
        (
            O.OOM_HOST_LIMIT,
            {"workers": 2, "batch_size": 1},
            ["--workers 1 --prefetch 1", "--workers 0"],
        ),
        (O.OOM_HOST_REFUSED, {"workers": 0, "batch_size": 1}, []),
        (
            O.OOM_SHM,
            {"workers": 4},
            ["--sharing file_system", "--workers 2", "--workers 0"],
        ),
        (O.OOM_SHM, {"workers": 1, "sharing": "file_system"}, ["--workers 0"]),
        (O.OOM_SHM, {"workers": 0}, []),
        (O.ERROR_NAN, {"dtype": "fp16"}, ["--dtype bf16", "--dtype fp32"]),
        (O.ERROR_NAN, {"fp16": 1}, ["--dtype bf16", "--dtype fp32"]),
        (O.ERROR_NAN, {"dtype": "bf16"}, []),
        (O.ERROR_NAN, {"dtype": "fp32"}, []),
        (O.ERROR_NAN, {"fp16": 0}, []),
    ],
)  # fmt: skip
def test_ladder_of_training(outcome: Outcome, options: dict[str, Any], expected: list[str]) -> None:
    precision = "fp16" if options.get("fp16") else options.get("dtype", "")
    *changes, reason = climb(outcome, train(**options), precision=precision)
    assert changes == expected
    assert reason == f"nothing is left to change after {outcome}"


def infer(**options: Any) -> Settings:
    return Settings(Infer(checkpoint=("best.pt",), data=Path("test"), **options))


def evaluate(**options: Any) -> Settings:
    return Settings(Evaluate(checkpoint=("best.pt",), **options))


@pytest.mark.parametrize("settings", [infer, evaluate])
@pytest.mark.parametrize(
    ("outcome", "options", "expected"),
    [
        (
            O.OOM_DEVICE_CAPACITY,
            {"batch_size": 9},
            ["--batch-size 4", "--batch-size 2", "--batch-size 1"],
        ),
        (O.OOM_DEVICE_FRAGMENTATION, {"batch_size": 2}, [SEGMENTS, "--batch-size 1"]),
        (O.OOM_DEVICE_CAPACITY, {"batch_size": 1}, []),
        (O.OOM_PINNED, {}, ["--no-pin-memory"]),
        (
            O.OOM_HOST_KILLED,
            {"workers": 4, "batch_size": 2},
            ["--workers 2 --prefetch 1", "--workers 0", "--batch-size 1"],
        ),
        (O.OOM_HOST_WORKER, {"workers": 1, "batch_size": 1}, ["--workers 0"]),
        (O.OOM_SHM, {"workers": 2}, ["--sharing file_system", "--workers 1", "--workers 0"]),
        (O.ERROR_NAN, {"dtype": "fp16"}, ["--dtype bf16", "--dtype fp32"]),
        (O.ERROR_NAN, {"dtype": "fp32"}, []),
    ],
)  # fmt: skip
def test_ladder_of_jobs_that_predict(
    settings: Callable[..., Settings],
    outcome: Outcome,
    options: dict[str, Any],
    expected: list[str],
) -> None:
    *changes, reason = climb(outcome, settings(**options), precision=options.get("dtype", ""))
    assert changes == expected
    assert reason == f"nothing is left to change after {outcome}"


def test_nan_where_auto_came_to_fp16_goes_to_fp32_as_bf16_would_be_emulated() -> None:
    *changes, _ = climb(O.ERROR_NAN, train(), precision="fp16")
    assert changes == ["--dtype fp32"]
    *changes, _ = climb(O.ERROR_NAN, train(), precision="bf16")
    assert changes == []


@pytest.mark.parametrize("outcome", [O.HANG_DATALOADER, O.CRASH_WORKER])
def test_loader_that_hangs_or_loses_a_worker_goes_without_workers_first(outcome: Outcome) -> None:
    assert climb(outcome, train(workers=3))[:2] == ["--workers 0", "the same options again"]


@pytest.mark.parametrize("outcome", [o for o in Outcome if o.kind == "hang" and o in LADDERS])
def test_hang_that_comes_no_further_ends_after_one_more_attempt(outcome: Outcome) -> None:
    first = Ended(Failure(outcome, "backward", 40), train(workers=0))
    decision = decide([first], 5)
    assert isinstance(decision, Change)
    assert not decision.changed
    for step, stops in ((40, True), (39, True), (41, False)):
        again = Ended(Failure(outcome, "forward", step), train(workers=0), decision.rung)
        assert isinstance(decide([first, again], 5), Stop) == stops


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize(
    "settings",
    [train(), infer(), evaluate(), Settings(Synth()), Settings()],
    ids=["train", "infer", "evaluate", "synth", "exec"],
)
def test_every_outcome_is_decided_for_every_job(outcome: Outcome, settings: Settings) -> None:
    decision = decide([Ended(Failure(outcome), settings)], 3)
    if outcome in NOT_RETRIED:
        assert isinstance(decision, Stop)
        assert NOT_RETRIED[outcome] in decision.reason
    elif settings.job is None:
        assert isinstance(decision, Change)
        assert set(decision.changed) <= set(ALLOCATOR_VARIABLES)


def test_ladders_and_what_is_not_retried_are_all_outcomes_and_share_none() -> None:
    assert set(LADDERS) | set(NOT_RETRIED) == set(Outcome)
    assert not set(LADDERS) & set(NOT_RETRIED)


def test_synth_killed_for_memory_goes_on_with_one_thread() -> None:
    changes = climb(O.OOM_HOST_KILLED, Settings(Synth(threads=4)))
    assert changes == ["--threads 1", "nothing is left to change after oom.host.killed"]


def test_command_out_of_device_memory_gets_segments_and_then_the_same_again_once_a_place() -> None:
    changes = climb(O.OOM_DEVICE_CAPACITY, Settings(), retries=2)
    assert changes == [SEGMENTS, "the same options again", "all 2 retries are used"]


def test_waiting_for_another_process_changes_nothing_else() -> None:
    decision = decide([Ended(Failure(O.OOM_DEVICE_FOREIGN), train())], 1)
    assert isinstance(decision, Change)
    assert decision.wait_for_device
    assert not decision.changed


@pytest.mark.parametrize("retries", [0, 1, 2, 5])
def test_retries_bound_the_attempts(retries: int) -> None:
    changes = climb(O.ERROR_PYTHON, Settings(), retries=retries)
    assert len(changes) == retries + 1
    assert changes[-1] == (
        f"all {retries} retries are used" if retries else "no retry was asked for"
    )


@pytest.mark.parametrize(
    ("batch", "accumulate", "expected"),
    [
        (16, 1, (8, 2)), (64, 4, (32, 8)), (15, 1, (5, 3)), (15, 2, (6, 5)), (9, 1, (3, 3)),
        (17, 1, (1, 17)), (2, 1, (1, 2)), (3, 1, (1, 3)), (1, 8, None),
    ],
)  # fmt: skip
def test_smaller_batch(batch: int, accumulate: int, expected: tuple[int, int] | None) -> None:
    assert smaller_batch(batch, accumulate) == expected


@given(st.integers(1, 10_000), st.integers(1, 64))
def test_smaller_batch_keeps_the_effective_batch_exactly(batch: int, accumulate: int) -> None:
    found = smaller_batch(batch, accumulate)
    assert (found is None) == (batch == 1)
    if found is not None:
        assert found[0] * found[1] == batch * accumulate
        assert 1 <= found[0] <= batch // 2


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        (None, "expandable_segments:True"),
        ("", "expandable_segments:True"),
        ("max_split_size_mb:128", "max_split_size_mb:128,expandable_segments:True"),
        (
            "expandable_segments:False, garbage_collection_threshold:0.8",
            "garbage_collection_threshold:0.8,expandable_segments:True",
        ),
        ("expandable_segments:True", None),
        ("backend:cudaMallocAsync", None),
    ],
)
def test_expandable_segments_are_merged_with_what_the_user_set(
    conf: str | None, expected: str | None
) -> None:
    assert with_expandable_segments(conf) == expected


def test_segments_that_the_user_has_already_are_passed_over() -> None:
    settings = dataclasses.replace(
        train(batch_size=2), environment={"PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"}
    )
    assert climb(O.OOM_DEVICE_FRAGMENTATION, settings)[0] == "--batch-size 1 --accumulate 2"


def test_page_shows_the_same_table() -> None:
    rows = dict(re.findall(r"^\| `([a-z.]+)` \| (.*) \|$", PAGE.read_text(), re.M))
    expected = {
        outcome.value: "; then ".join(rung.words for rung in rungs)
        for outcome, rungs in LADDERS.items()
    } | {outcome.value: f"not retried: {reason}" for outcome, reason in NOT_RETRIED.items()}
    assert rows == expected
