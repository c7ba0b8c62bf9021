"""The ledgers of an attempt, as the parts of a result: who held the host's memory at its peak, what
lies between the tensors and the device, whether the workers grew. Pure, but for :func:`told`."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from runner import device_ledger, host_ledger
from runner.device_ledger import Driver
from runner.host_ledger import HostLedger
from runner.host_limit import Bound

_MOST = 16 << 20
_NOISE = 64 << 20
"""Bytes of a device that come and go without the job."""
FIRST = "first step"


@dataclass(frozen=True)
class Ledgers:
    """Of one attempt, as JSON types."""

    bars: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    """Ledger → bar → part → bytes; the first ledger is the host's."""
    notes: tuple[str, ...] = ()
    growth: Mapping[str, Any] | None = None
    limit: Mapping[str, Any] | None = None
    measured: Mapping[str, Any] | None = None
    """What the job took of its device beside torch's memory, for :mod:`runner.fit_history`."""


def of(
    host: HostLedger,
    first_step: Mapping[int, Driver],
    later: Mapping[int, Driver],
    told: Mapping[str, Any],
    growth: Mapping[str, Any] | None = None,
    bound: Bound | None = None,
) -> Ledgers:
    """``told`` is the job's own ``memory.json``, empty where it has none."""
    bars: dict[str, Mapping[str, Mapping[str, int]]] = {}
    if at_peak := host_ledger.bars(host):
        bars["host"] = at_peak
    notes: list[str] = []
    main = main_device(later or first_step)
    for name, drivers, stretch in (
        ("device", later, _stretch(told, "steady")),
        (f"device, {FIRST}", first_step, _stretch(told, "first")),
    ):
        found = device_ledger.of(
            device_ledger.torch_of(stretch),
            drivers.get(main) if main is not None else None,
            _predicted(told, stretch),
        )
        # A prediction alone is no ledger.
        if set(found.levels) - {device_ledger.PREDICTED}:
            bars[name] = found.levels
            notes += [f"{name}: {note}" for note in found.notes]
    for index, driver in sorted(later.items()):
        if index != main and _is_used(driver):
            bars[f"device {index}"] = device_ledger.of(None, driver).levels
    return Ledgers(
        bars=bars,
        notes=tuple(notes),
        growth=growth,
        limit=asdict(bound) if bound is not None else None,
        measured=_measured(later.get(main) if main is not None else None, told),
    )


def main_device(drivers: Mapping[int, Driver]) -> int | None:
    """The device that the job holds most of; None where it holds none that can be seen."""
    used = {index: _share(driver) for index, driver in drivers.items() if _is_used(driver)}
    return max(used, key=lambda index: (used[index], -index), default=None)


def _share(driver: Driver) -> int:
    if driver.ours is not None:
        return driver.ours
    return driver.used - (driver.before if driver.before is not None else driver.used)


def _is_used(driver: Driver) -> bool:
    return bool(driver.ours) or (driver.ours is None and _share(driver) > _NOISE)


def _stretch(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = told.get(name)
    return found if isinstance(found, dict) else {}


def _predicted(told: Mapping[str, Any], stretch: Mapping[str, Any]) -> Mapping[str, int] | None:
    return device_ledger.replayed_of(stretch) if stretch.get("torch") else None


def _measured(driver: Driver | None, told: Mapping[str, Any]) -> dict[str, Any] | None:
    job = told.get("job")
    if driver is None or not driver.ours or not driver.reserved or not isinstance(job, dict):
        return None
    if driver.ours < driver.reserved:
        return None
    return {
        "device": driver.name,
        "total": driver.total,
        "model": str(job.get("model"))[:64],
        "dtype": str(job.get("dtype"))[:16],
        # The train job has one mode and does not name it.
        "mode": str(job.get("mode", "train"))[:16],
        "process": driver.ours,
        "reserved": driver.reserved,
        "overhead": driver.ours - driver.reserved,
    }


def told(path: Path) -> dict[str, Any]:
    """The job's ``memory.json``; empty where there is none, or something else in its place."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with suppress(OSError, ValueError, RecursionError):
        descriptor = os.open(path, flags)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return {}
            found = json.loads(os.pread(descriptor, _MOST, 0))
        finally:
            os.close(descriptor)
        if isinstance(found, dict):
            return found
    return {}
