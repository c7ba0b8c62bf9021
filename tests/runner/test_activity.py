"""What counts as work of a silent program."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from probes.device import DeviceMemory
from probes.procfs import Identity
from runner.activity import Use, on_devices, worked
from tests.runner.conftest import Supervised

A, B = Identity(1, 1), Identity(2, 1)


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (Use({A: 1.0}), Use({A: 1.01}), False),
        (Use({A: 1.0}), Use({A: 1.2}), True),
        # A child ended that had used more than the next one has until now.
        (Use({A: 0.1, B: 5.0}), Use({A: 0.1, Identity(2, 9): 0.4}), True),
        (Use({A: 1.0, B: 5.0}), Use({A: 1.0}), False),
        (Use({A: 1.0}, {A: 0}), Use({A: 1.0}, {A: 1 << 20}), True),
        (Use({A: 1.0}, {A: 1 << 20}), Use({A: 1.0}, {A: 1 << 20}), False),
        (Use({A: 1.0}, {A: 1 << 20}), Use({A: 1.0}, {A: (1 << 20) + 4096}), False),
    ],
)
def test_processor_time_and_bytes_of_disks_are_work(before: Use, after: Use, found: bool) -> None:
    assert worked(before, after) is found


@pytest.mark.parametrize(
    ("busy", "held", "found"),
    [(37, {7: 1}, True), (0, {7: 1}, False), (None, {7: 1}, False), (37, {8: 1}, False)],
)
def test_a_device_works_for_whoever_holds_its_memory(
    busy: int | None, held: dict[int, int | None], found: bool
) -> None:
    device = DeviceMemory(0, "T4", 16, 8, 8, held, busy)
    assert on_devices([device], {7}) is found


def test_short_children_that_work_one_after_the_other_are_progress(
    supervise: Callable[..., Supervised],
) -> None:
    burn = "import time; end = time.process_time() + 0.15\nwhile time.process_time() < end: pass"
    program = 'for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do "$0" -c "$1"; done'
    run = supervise(
        ["sh", "-c", program, sys.executable, burn], "--watchdog", "2", "--progress", "cpu"
    )
    assert run.outcome == "ok"
    assert run.result["timing"]["ended_s"] > 2
