"""What two attempts have in common."""

from __future__ import annotations

from typing import Any

import pytest

from fwi.config import Train
from probes.pulse import Pulse, Record
from runner.evidence import Diagnosis, Fact
from runner.same_failure import Failure, failure_of


def failure(text: str, source: str = "output", **at: Any) -> Failure:
    pulse = Pulse(at.get("number", 1), 0.0, at.get("phase", "forward"), at.get("step", 3), 0)
    record = Record(
        pid=1, rank=0, pulse=pulse, phases=(), gauges={}, events=(), torch_allocated=None,
        torch_reserved=None, torch_peak_allocated=None, torch_peak_reserved=None, failure=None,
        finished_s=None,
    )  # fmt: skip
    facts = (Fact("exit", "exit status 1"), Fact(source, text))
    return failure_of(Diagnosis("error.python", 1.0, facts), record, at.get("job"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("worker (pid 123) died", "worker (pid 9) died"),
        ("worker (pid(s) 12, 13) exited", "worker (pid(s) 14) exited"),
        ("closed by peer [127.0.0.1]:41231", "closed by peer [127.0.0.1]:39999"),
        ("bad free 0x7f00aa", "bad free 0x7f11bb"),
        ("unable to open </torch_12_34_0>", "unable to open </torch_99_1_7>"),
        ("2026-03-14 09:15:00,123 failed", "2026-03-14T09:16:31Z failed"),
        ("gave up after 12.3 s", "gave up after 9.8 s"),
        ("cannot read runs/x/attempt-1/y", "cannot read runs/x/attempt-2/y"),
    ],
)
def test_numbers_that_only_a_process_has_do_not_tell_failures_apart(one: str, other: str) -> None:
    assert failure(one).is_same_as(failure(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [("KeyError: 5", "KeyError: 6"), ("Tried to allocate 2.00 GiB", "Tried to allocate 1.00 GiB")],
)
def test_numbers_that_mean_something_do(one: str, other: str) -> None:
    assert not failure(one).is_same_as(failure(other))
    assert failure("Tried to allocate 2.00 GiB").names_sizes
    assert not failure("KeyError: 5").names_sizes


def test_silent_failure_is_told_by_its_phase_and_a_program_without_pulses_has_no_step() -> None:
    assert failure("no progress", "pulse", phase="backward").signature == "backward"
    assert failure("x", number=0).step is None


@pytest.mark.parametrize(
    ("job", "text", "expected"),
    [
        (Train(fp16=1), "", "fp16"), (Train(fp16=0), "", "fp32"), (Train(dtype="bf16"), "", "bf16"),
        (Train(), "the loss of step 7 is nan in fp16; lower --lr", "fp16"), (Train(), "nan", None),
        (None, "nan in fp16", None),
    ],
)  # fmt: skip
def test_precision_is_that_of_the_options_or_of_the_jobs_own_words(
    job: Train | None, text: str, expected: str | None
) -> None:
    assert failure(text, "job", job=job).precision == expected
