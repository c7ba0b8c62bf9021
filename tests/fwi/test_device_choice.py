"""Which device a process gets, and what is said where there is none for it. The count of devices is
given: what decides is the name, the process and that count."""

from __future__ import annotations

import pytest
import torch

from fwi import precision
from fwi.errors import DeviceError, JobError, UsageError
from fwi.shares import Member

SECOND_OF_TWO = Member(rank=1, world=2, place=1, places=2)


def devices(monkeypatch: pytest.MonkeyPatch, count: int) -> list[torch.device]:
    """A machine with so many; gives the list of what becomes the current one."""
    current: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "set_device", current.append)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    return current


@pytest.mark.parametrize(
    ("count", "name", "who", "chosen"),
    [
        (0, "auto", None, "cpu"),
        (2, "cpu", None, "cpu"),
        (2, "auto", None, "cuda:0"),
        (2, "cuda", None, "cuda:0"),
        (2, "cuda:1", None, "cuda:1"),
        (2, "auto", SECOND_OF_TWO, "cuda:1"),
        (0, "auto", SECOND_OF_TWO, "cpu"),
        (1, "cuda", Member(rank=1, world=2), "cuda:0"),
    ],
)
def test_device_of_a_process(
    monkeypatch: pytest.MonkeyPatch, count: int, name: str, who: Member | None, chosen: str
) -> None:
    current = devices(monkeypatch, count)
    found = precision.resolve_device(name, who)
    assert found == torch.device(chosen)
    assert current == ([found] if found.type == "cuda" else [])


@pytest.mark.parametrize(
    ("count", "name", "who", "error", "said"),
    [
        (0, "cuda", None, DeviceError, "torch finds no CUDA device here"),
        (0, "cuda", SECOND_OF_TWO, DeviceError, "torch finds no CUDA device here"),
        (1, "cuda:3", None, UsageError, "--device cuda:3: this machine has 1 CUDA device,"),
        (1, "auto", SECOND_OF_TWO, UsageError, "2 processes on this machine.*--nproc"),
        (2, "cuda:1", SECOND_OF_TWO, UsageError, "one device for 2 processes"),
    ],
)
def test_too_few_devices_are_wrong_options_and_none_is_the_machine_s_fault(
    monkeypatch: pytest.MonkeyPatch,
    count: int,
    name: str,
    who: Member | None,
    error: type[JobError],
    said: str,
) -> None:
    devices(monkeypatch, count)
    with pytest.raises(error, match=said):
        precision.resolve_device(name, who)
