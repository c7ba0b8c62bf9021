"""The ladder after several failures: which are deterministic, and what is tried next. Pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fwi.config import Train, problems
from runner.ladder import LADDERS, Ended, Settings
from runner.outcomes import Outcome
from runner.recovery import Change, Stop, decide, words
from runner.same_failure import Failure

O = Outcome  # noqa: E741 - a table of these would be unreadable otherwise


def train(**options: int) -> Settings:
    return Settings(Train(**options))


def follow(failures: list[Failure], settings: Settings, retries: int = 9) -> list[Change | Stop]:
    history: list[Ended] = []
    decisions: list[Change | Stop] = []
    rung = None
    for failure in failures:
        history.append(Ended(failure, settings, rung))
        decisions.append(decide(history, retries))
        if isinstance(decision := decisions[-1], Change):
            settings, rung = decision.settings, decision.rung
    return decisions


@pytest.mark.parametrize("settings", [train(workers=0), Settings()], ids=["train", "exec"])
@pytest.mark.parametrize("step", [None, 7])
def test_same_words_at_the_same_step_twice_are_deterministic(
    settings: Settings, step: int | None
) -> None:
    failure = Failure(O.ERROR_PYTHON, "KeyError: 5", step)
    first, second = follow([failure, failure], settings)
    assert isinstance(first, Change)
    assert isinstance(second, Stop)
    assert "it is deterministic" in second.reason
    assert ("at step 7" in second.reason) == (step == 7)


@pytest.mark.parametrize(
    "second",
    [
        Failure(O.ERROR_PYTHON, "KeyError: 5", 8),
        Failure(O.ERROR_PYTHON, "KeyError: 6", 7),
        Failure(O.CRASH_SEGV, "KeyError: 5", 7),
    ],
)
def test_another_failure_or_another_step_is_tried_again(second: Failure) -> None:
    first = Failure(O.ERROR_PYTHON, "KeyError: 5", 7)
    assert all(isinstance(one, Change) for one in follow([first, second], Settings()))


def test_failure_that_returns_after_another_is_deterministic_too() -> None:
    one, other = Failure(O.ERROR_PYTHON, "a", 1), Failure(O.ERROR_PYTHON, "b", 2)
    assert isinstance(follow([one, other, one], Settings())[-1], Stop)


def test_same_sizes_after_the_batch_was_halved_show_that_the_batch_did_not_matter() -> None:
    says = "CUDA out of memory. Tried to allocate {} GiB."
    same = [Failure(O.OOM_DEVICE_CAPACITY, says.format(2), 0)] * 2
    first, second = follow(same, train())
    assert isinstance(first, Change)
    assert isinstance(second, Stop)
    assert "deterministic" in second.reason
    smaller = Failure(O.OOM_DEVICE_CAPACITY, says.format(1), 0)
    assert isinstance(follow([same[0], smaller], train())[-1], Change)


def test_change_of_another_kind_is_tried_although_the_words_are_the_same() -> None:
    full = Failure(O.OOM_SHM, "unable to allocate shared memory", 0)
    *changes, stop = follow([full] * 4, train(workers=4))
    assert [words(one) for one in changes if isinstance(one, Change)] == [
        "--sharing file_system", "--workers 2", "--workers 0",
    ]  # fmt: skip
    assert isinstance(stop, Stop)


def test_temporary_folder_that_cannot_hold_a_batch_is_left_for_no_workers() -> None:
    full, disk = Failure(O.OOM_SHM, "shm", 0), Failure(O.ERROR_DISK, "/tmp: a batch of 11 MiB", 0)
    first, second, third = follow([full, disk, disk], train(workers=2))
    assert isinstance(first, Change)
    assert isinstance(second, Change)
    assert words(second) == "--workers 0"
    assert isinstance(third, Stop)


def test_more_of_what_made_no_difference_is_not_tried() -> None:
    refused = Failure(O.OOM_HOST_REFUSED, "MemoryError", 3)
    *changes, stop = follow([refused] * 2, train(workers=0))
    assert [words(one) for one in changes if isinstance(one, Change)] == [
        "--batch-size 8 --accumulate 2"
    ]
    assert isinstance(stop, Stop)
    assert "deterministic" in stop.reason


@given(
    failures=st.lists(
        st.builds(
            Failure,
            st.sampled_from(list(LADDERS)),
            st.sampled_from(["", "a", "2.00 GiB"]),
            st.none() | st.integers(0, 3),
            st.sampled_from([None, "fp16", "bf16"]),
        ),
        min_size=1, max_size=30,
    ),
    job=st.builds(
        Train,
        workers=st.integers(0, 9),
        batch_size=st.integers(1, 100),
        accumulate=st.integers(1, 5),
        dtype=st.sampled_from(["auto", "fp16", "bf16", "fp32"]),
        model=st.sampled_from(["specproj", "specproj-dirac"]),
    ) | st.none(),
)  # fmt: skip
def test_changed_options_are_new_and_sound_and_the_effective_batch_stays(
    failures: list[Failure], job: Train | None
) -> None:
    tried = [Settings(job)]
    for decision in follow(failures, tried[0], retries=100):
        if isinstance(decision, Stop):
            break
        if not decision.changed:
            assert decision.settings == tried[-1]
            assert words(decision) == "the same options again"
            continue
        assert decision.settings not in tried
        tried.append(decision.settings)
        now = decision.settings.job
        if job is not None and isinstance(now, Train):
            assert problems(now) == []
            assert now.batch_size * now.accumulate == job.batch_size * job.accumulate
            assert (now.lr, now.epochs, now.seed) == (job.lr, job.epochs, job.seed)
