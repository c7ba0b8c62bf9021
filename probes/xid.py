"""Xid events as NVML tells them: the driver's numbered reports of errors of a device
(https://docs.nvidia.com/deploy/xid-errors/). Used inside the disposable NVML child alone."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any


class XidEvents:
    """The events of every device that tells them; old devices, WSL and some virtual ones do not,
    and an old ``nvidia-ml-py`` has no words for it."""

    def __init__(self, pynvml: Any) -> None:
        self._nvml = pynvml
        self._set: Any = None
        self._names: dict[str, int] = {}
        self._no_events = (pynvml.NVMLError, AttributeError)
        with suppress(*self._no_events):
            made = pynvml.nvmlEventSetCreate()
            for index in range(pynvml.nvmlDeviceGetCount()):
                handle = pynvml.nvmlDeviceGetHandleByIndex(index)
                with suppress(pynvml.NVMLError):
                    pynvml.nvmlDeviceRegisterEvents(
                        handle, pynvml.nvmlEventTypeXidCriticalError, made
                    )
                    self._names[_bus(pynvml, handle)] = index
                    self._set = made

    def wait(self, seconds: float) -> list[str]:
        """Wait for that long, and tell what came meanwhile, one sentence an event."""
        until = time.monotonic() + seconds
        found: list[str] = []
        while (left := until - time.monotonic()) > 0:
            if self._set is None:
                time.sleep(left)
                break
            try:
                event = self._nvml.nvmlEventSetWait_v2(self._set, max(1, int(left * 1000)))
            except getattr(self._nvml, "NVMLError_Timeout", TimeoutError):
                break
            except self._no_events as error:
                found.append(f"NVML tells no more Xid events: {error}")
                self._set = None
                continue
            found.append(self._sentence(event))
        return found

    def _sentence(self, event: Any) -> str:
        try:
            index = self._names.get(_bus(self._nvml, event.device))
        except self._no_events:
            index = None
        where = "a device" if index is None else f"device {index}"
        return f"Xid {int(event.eventData)} on {where}"


def _bus(pynvml: Any, handle: Any) -> str:
    found = pynvml.nvmlDeviceGetPciInfo(handle).busId
    return found.decode() if isinstance(found, bytes) else str(found)
