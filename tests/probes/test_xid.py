"""Xid events, told by a stand-in for NVIDIA's library: there is no device that fails at a call."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from probes.xid import XidEvents


class NVMLError(Exception):
    pass


class NVMLError_Timeout(NVMLError):
    pass


def library(*events: object, **more: object) -> SimpleNamespace:
    """Two devices, and what waiting for an event comes to, one after the other."""
    waiting = list(events)

    def wait(_made: object, _milliseconds: int) -> object:
        event = waiting.pop(0) if waiting else NVMLError_Timeout("Timeout")
        if isinstance(event, Exception):
            raise event
        return event

    names = {
        "NVMLError": NVMLError,
        "NVMLError_Timeout": NVMLError_Timeout,
        "nvmlEventTypeXidCriticalError": 8,
        "nvmlEventSetCreate": object,
        "nvmlDeviceGetCount": lambda: 2,
        "nvmlDeviceGetHandleByIndex": lambda index: f"0000:0{index}:00.0",
        "nvmlDeviceRegisterEvents": lambda handle, kinds, made: None,
        "nvmlDeviceGetPciInfo": lambda handle: SimpleNamespace(busId=handle.encode()),
        "nvmlEventSetWait_v2": wait,
    }
    return SimpleNamespace(**{k: v for k, v in (names | more).items() if v is not None})


def event(xid: int, device: str) -> SimpleNamespace:
    return SimpleNamespace(eventData=xid, device=device)


def refuses(*_: object) -> None:
    raise NVMLError("Not Supported")


@pytest.mark.parametrize(
    ("nvml", "told"),
    [
        (library(), []),
        (library(event(79, "0000:01:00.0")), ["Xid 79 on device 1"]),
        (
            library(event(31, "0000:00:00.0"), event(94, "0000:09:00.0")),
            ["Xid 31 on device 0", "Xid 94 on a device"],
        ),
        (library(NVMLError("GPU is lost")), ["NVML tells no more Xid events: GPU is lost"]),
        (library(nvmlDeviceRegisterEvents=refuses), []),
        (library(nvmlEventSetCreate=refuses), []),
        (library(nvmlEventSetCreate=None), []),
    ],
    ids=["none", "one", "two", "lost", "not told", "no set", "old library"],
)
def test_events_are_told_as_sentences(nvml: SimpleNamespace, told: list[str]) -> None:
    assert XidEvents(nvml).wait(0.05) == told


def test_library_that_tells_nothing_is_waited_for_all_the_same() -> None:
    began = time.monotonic()
    XidEvents(library(nvmlEventSetCreate=None)).wait(0.05)
    assert time.monotonic() - began >= 0.05
