"""What a silent program does: processor time, bytes to and from disks, work of its devices. With
``--progress cpu`` that counts as progress of a program that does not pulse."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from probes import procfs
from probes.device import DeviceMemory
from probes.procfs import Identity, Stat

_EVERY_S = 1.0
_WORK_S = 0.05
"""Processor seconds that are more than the noise of waking up (a tick: 0.01)."""
_BYTES = 1 << 16


@dataclass(frozen=True)
class Use:
    """Of each process so far."""

    cpu_s: Mapping[Identity, float] = field(default_factory=dict)
    """With that of its children that have ended."""
    disk: Mapping[Identity, int] = field(default_factory=dict)
    """Bytes read from and written to storage."""


def worked(before: Use, after: Use) -> bool:
    """Whether a tree did more between two looks than to wait (pure).

    Process by process, so that what one that ended had used is not taken from the others.
    """
    return _gain(before.cpu_s, after.cpu_s) >= _WORK_S or _gain(before.disk, after.disk) >= _BYTES


def _gain(before: Mapping[Identity, float], after: Mapping[Identity, float]) -> float:
    return sum(max(0.0, used - before.get(who, 0.0)) for who, used in after.items())


def on_devices(devices: Iterable[DeviceMemory], pids: set[int]) -> bool:
    """Whether a device that one of these processes holds memory of ran a kernel (pure)."""
    return any(device.busy and pids & set(device.processes) for device in devices)


class Activity:
    """Looks at a tree now and then."""

    def __init__(self, watchdog: float | None) -> None:
        self._every = min(_EVERY_S, (watchdog or _EVERY_S) / 8)
        self._next = 0.0
        self._before = Use()

    def look(
        self, now: float, scan: Callable[[], Sequence[Stat]], devices: Iterable[DeviceMemory]
    ) -> bool:
        """Whether the tree worked since the last look; False where it is too early for one."""
        if now < self._next:
            return False
        self._next = now + self._every
        members = scan()
        use = Use(
            {stat.identity: stat.cpu_s + stat.children_cpu_s for stat in members},
            {stat.identity: procfs.disk_bytes(stat.pid) for stat in members},
        )
        before, self._before = self._before, use
        return worked(before, use) or on_devices(devices, {stat.pid for stat in members})
