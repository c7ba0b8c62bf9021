"""Faults of a real device under the real supervisor, one at a time: there is one device."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from probes import device
from tests.faults import harness
from tests.faults.fault import Fault
from tests.faults.harness import ROOT, Trial
from tests.gpu.catalogue import DEVICE_FAULTS, FOREIGN
from tests.runner.conftest import wait_until

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(300)]

_BOUND_S = 200.0
_SLACK = 64 << 20
"""Bytes that the driver itself may keep or let go meanwhile."""


@pytest.fixture(autouse=True)
def before() -> int:
    """Bytes of device 0 that are in use before the fault; skips where there is no device."""
    if not device.is_present():
        pytest.skip("no NVIDIA driver is loaded here")
    # In a process of its own: this one must not hold a context on the device.
    seen = subprocess.run(
        [sys.executable, "-c", "import torch; print(torch.cuda.is_available())"],
        capture_output=True, text=True,
    )  # fmt: skip
    if seen.stdout.strip() != "True":
        pytest.skip(f"torch sees no CUDA device here {seen.stderr.strip()[-200:]}")
    return device.devices()[0].used


def run(fault: Fault) -> Trial:
    trial = harness.run(fault, bound_s=_BOUND_S)
    if trial.refused is not None:
        pytest.skip(trial.refused)
    return trial


def memory_came_back(before: int) -> bool:
    """A killed process's memory is given back when the driver has torn its context down."""
    return wait_until(lambda: device.devices()[0].used <= before + _SLACK, 20)


@pytest.mark.parametrize("fault", DEVICE_FAULTS, ids=lambda fault: fault.name)
def test_device_fault_is_classified_and_its_memory_comes_back(fault: Fault, before: int) -> None:
    trial = run(fault)
    assert not harness.problems(fault, trial), harness.describe(fault, trial)
    assert trial.result is not None
    assert trial.result["leaks"]["device_bytes"] == 0
    assert memory_came_back(before), device.devices()


@pytest.fixture
def holder() -> Iterator[subprocess.Popen[str]]:
    """Another program, of no run, that holds most of the device."""
    with subprocess.Popen(
        [sys.executable, ROOT / "tests" / "gpu" / "holds_most_of_the_device.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "holding\n"
        yield child
        child.kill()


def test_device_that_another_process_holds_is_foreign_and_named(
    holder: subprocess.Popen[str],
) -> None:
    trial = run(FOREIGN)
    assert not harness.problems(FOREIGN, trial), harness.describe(FOREIGN, trial)
    assert holder.poll() is None, "a process of somebody else is never touched"
    assert trial.result is not None
    if holder.pid in device.devices()[0].processes:
        # In a container the driver may name it by a pid of the host.
        assert str(holder.pid) in "\n".join(fact["text"] for fact in trial.result["evidence"])
