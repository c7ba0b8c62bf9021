"""Device memory as NVML tells it: used, free, and by process.

NVML may hang with its driver, so the supervisor runs this module as a disposable child::

    python -m probes.device --period 1.0

which prints one line of JSON a period: a list of devices, or ``{"error": "…"}`` once; between them
``{"xids": ["Xid 79 on device 0"]}`` where the driver reports an error of a device.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

_LONGEST = 200


@dataclass(frozen=True)
class DeviceMemory:
    """Bytes of one device."""

    index: int
    name: str
    total: int
    used: int
    free: int
    processes: dict[int, int | None]
    """Bytes by pid; None where the driver does not tell (containers, WSL)."""
    busy: int | None = None
    """Percent of the driver's last period in which a kernel ran; None where it does not tell."""


def is_present() -> bool:
    """Whether a NVIDIA driver is loaded; costs no driver call."""
    return os.path.exists("/proc/driver/nvidia/version") or os.path.exists("/dev/nvidiactl")


def devices() -> list[DeviceMemory]:
    """Every device now. Raises RuntimeError in NVML's words where NVML does not work."""
    return next(_readings(0.0))[0]


def _readings(period: float) -> Iterator[tuple[list[DeviceMemory], list[str]]]:
    """One reading after the other, ``period`` seconds apart, over one session with the driver; with
    the Xid events between it and the one before."""
    import pynvml

    from probes.xid import XidEvents

    try:
        pynvml.nvmlInit()
        try:
            events = XidEvents(pynvml) if period else None
            said: list[str] = []
            while True:
                count = pynvml.nvmlDeviceGetCount()
                yield [_device(pynvml, index) for index in range(count)], said
                said = events.wait(period) if events else []
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError as error:
        raise RuntimeError(f"NVML: {error}") from error


def _device(pynvml: Any, index: int) -> DeviceMemory:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    room = pynvml.nvmlDeviceGetMemoryInfo(handle)
    name = pynvml.nvmlDeviceGetName(handle)
    processes: dict[int, int | None] = {}
    for list_of in (
        pynvml.nvmlDeviceGetComputeRunningProcesses,
        pynvml.nvmlDeviceGetGraphicsRunningProcesses,
    ):
        for process in list_of(handle):
            processes[process.pid] = process.usedGpuMemory
    return DeviceMemory(
        index=index,
        name=name.decode() if isinstance(name, bytes) else name,
        total=int(room.total),
        used=int(room.used),
        free=int(room.free),
        processes=processes,
        busy=_busy(pynvml, handle),
    )


def _busy(pynvml: Any, handle: Any) -> int | None:
    try:
        return int(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    except pynvml.NVMLError:
        return None


def parse(line: bytes) -> list[DeviceMemory]:
    """A line of the child's. Raises ValueError for an error line or anything else."""
    content = json.loads(line)
    if isinstance(content, dict):
        raise ValueError(str(content.get("error", content)))
    return [
        DeviceMemory(**{**one, "processes": {int(k): v for k, v in one["processes"].items()}})
        for one in content
    ]


def parse_xids(line: bytes) -> list[str] | None:
    """The events that a line of the child's tells; None where it is another. Raises ValueError for
    what is no JSON."""
    content = json.loads(line)
    told = content.get("xids") if isinstance(content, dict) else None
    return [str(one)[:_LONGEST] for one in told] if isinstance(told, list) else None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m probes.device", description=__doc__)
    parser.add_argument("--period", type=float, default=0.0, help="seconds between lines; 0: one")
    period = parser.parse_args().period
    try:
        for reading, xids in _readings(period):
            if xids:
                print(json.dumps({"xids": xids}), flush=True)
            print(json.dumps([asdict(device) for device in reading]), flush=True)
            if not period:
                break
    except (RuntimeError, ImportError) as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
