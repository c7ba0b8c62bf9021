"""A device that others hold: who they are, and how long they are waited for."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probes.device import DeviceMemory
from runner import waiting
from tests.runner import conftest
from tests.runner.conftest import ROOT, Supervised, fault

Supervise = Callable[..., Supervised]
Start = Callable[..., subprocess.Popen[str]]


def outcomes(result: dict[str, Any]) -> list[str]:
    return [one["outcome"] for one in result["attempts"]]


def device(index: int, used: int, **processes: int | None) -> DeviceMemory:
    held = {int(pid[1:]): size for pid, size in processes.items()}
    return DeviceMemory(index, "GPU", 1000, used, 1000 - used, held)


@pytest.mark.parametrize(
    ("devices", "visible", "expected"),
    [
        ([device(0, 40)], None, ()),
        ([device(0, 700, p7=700)], None, ("device 0: 700 B by pid 7 (python)",)),
        ([device(0, 700, p7=None)], None, ("device 0: ? by pid 7 (python)",)),
        ([device(0, 700)], None, ("device 0: 700 B by a process not to be seen here",)),
        ([device(0, 700, p7=700), device(1, 0)], [1], ()),
    ],
)
def test_holders(
    devices: list[DeviceMemory], visible: list[int] | None, expected: tuple[str, ...]
) -> None:
    assert waiting.holders(devices, visible, lambda pid: "python") == expected


@pytest.mark.parametrize(
    ("name", "shown", "expected"),
    [
        ("auto", None, [0]), ("cuda:1", None, [1]), ("cuda", "3,1", [3]), ("cuda:1", "3,1", [1]),
        ("cuda:5", "3,1", None), (None, None, None), (None, "2", [2]), ("auto", "GPU-ab12", None),
    ],
)  # fmt: skip
def test_visible_devices(name: str | None, shown: str | None, expected: list[int] | None) -> None:
    environment = {} if shown is None else {"CUDA_VISIBLE_DEVICES": shown}
    assert waiting.visible_devices(name, environment) == expected


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A driver that tells of one device, held by this process while the file is there."""
    path = tmp_path / "held-by"
    path.write_text(str(os.getpid()))
    monkeypatch.setenv("HELD_BY", str(path))
    before = conftest.environment

    def with_driver(runs: Path) -> dict[str, str]:
        return before(runs) | {"PYTHONPATH": f"{ROOT / 'tests/faults/driver'}:{ROOT}"}

    monkeypatch.setattr(conftest, "environment", with_driver)
    return path


def test_device_that_is_given_back_is_waited_for(start: Start, held: Path) -> None:
    child = start(fault("needs_a_held_device", held), "--retries", "1")
    assert child.stderr is not None
    while "waiting for the device" not in (line := child.stderr.readline()):
        assert line
    assert f"12.0 GiB by pid {os.getpid()} (" in line
    held.unlink()
    out, _ = child.communicate(timeout=240)
    result = json.loads(out.splitlines()[-1])
    assert [one["outcome"] for one in result["attempts"]] == ["oom.device.foreign", "ok"]


def test_device_that_is_not_given_back_ends_the_run_saying_who_holds_it(
    supervise: Supervise, held: Path
) -> None:
    run = supervise(fault("needs_a_held_device", held), "--retries", "5", "--wait-device", "1")
    assert outcomes(run.result) == ["oom.device.foreign"]
    assert (
        f"the device is still held: device 0: 12.0 GiB by pid {os.getpid()} ("
        in (run.result["recovery"]["stopped"])
    )


def test_interrupt_between_two_attempts_ends_the_run_at_once(start: Start, held: Path) -> None:
    child = start(fault("needs_a_held_device", held), "--retries", "5", "--wait-device", "3600")
    assert child.stderr is not None
    while "waiting for the device" not in (line := child.stderr.readline()):
        assert line
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=240)
    result = json.loads(out.splitlines()[-1])
    assert (result["outcome"], child.returncode) == ("interrupted", 130)
    assert "oom.device.foreign" in result["also"]
    assert [one["outcome"] for one in result["attempts"]] == ["oom.device.foreign"]


def test_device_of_which_nothing_can_be_seen_is_tried_at_once(
    supervise: Supervise, held: Path
) -> None:
    held.write_text("nobody")
    run = supervise(fault("needs_a_held_device", held), "--retries", "3")
    assert outcomes(run.result) == ["oom.device.foreign"] * 2
    assert "who holds the device cannot be seen" in run.stderr


class Devices:
    """What a driver says, look after look; the last for ever."""

    def __init__(self, *bytes_held: int) -> None:
        self.bytes_held = list(bytes_held)

    async def __call__(self) -> list[DeviceMemory]:
        held = self.bytes_held.pop(0) if len(self.bytes_held) > 1 else self.bytes_held[0]
        if held < 0:
            raise RuntimeError("NVML: Driver/library version mismatch")
        return [
            DeviceMemory(0, "GPU", 1000, held, 1000 - held, {os.getpid(): held} if held else {})
        ]


def wait(devices: Devices, bound: float, stop_after: float | None = None) -> waiting.Waited:
    async def waited() -> waiting.Waited:
        stop = asyncio.Event()
        if stop_after is not None:
            asyncio.get_running_loop().call_later(stop_after, stop.set)
        return await waiting.for_device(bound, None, stop, said.append, devices)

    said: list[str] = []
    return asyncio.run(waited())


def test_waiting_ends_when_the_device_is_given_back() -> None:
    assert wait(Devices(900, 0), bound=60).held == ()


def test_waiting_ends_at_its_bound_and_says_who_holds_the_device() -> None:
    [line] = wait(Devices(900), bound=0.1).held
    assert f"900 B by pid {os.getpid()} (" in line


def test_waiting_ends_at_once_when_the_user_asks_for_the_end() -> None:
    waited = wait(Devices(900), bound=3600, stop_after=0.05)
    assert waited.seconds < 60
    assert waited.held


def test_waiting_ends_at_once_where_the_driver_does_not_tell() -> None:
    waited = wait(Devices(-1), bound=3600)
    assert waited.unknown == "NVML: Driver/library version mismatch"
