"""What an attempt left behind, against the state before it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from probes import procfs
from probes.device import DeviceMemory
from probes.host import SHM
from runner.stopping import Leftover
from runner.units import size


@dataclass(frozen=True)
class Leaks:
    processes: tuple[Leftover, ...] = ()
    shm: tuple[str, ...] = ()
    """Files in /dev/shm of this user that were not there before and still are."""
    device_bytes: int = 0
    """Device memory that processes of the attempt still hold."""
    cgroup: str | None = None
    """The attempt's cgroup where it could not be removed."""

    def __bool__(self) -> bool:
        return bool(self.processes or self.shm or self.device_bytes or self.cgroup)


def holding(leaks: Leaks) -> list[str]:
    """What of an attempt is still there and in the way of the next, a line each."""
    found = [
        f"process {left.pid} ({left.command}) could not be ended"
        for left in leaks.processes
        if not left.gone
    ]
    if leaks.cgroup:
        found.append(f"the cgroup {leaks.cgroup} could not be removed: something lives in it")
    if leaks.device_bytes:
        found.append(f"its processes still hold {size(leaks.device_bytes)} of device memory")
    return found


def device_bytes(devices: Iterable[DeviceMemory], pids: Collection[int]) -> int:
    """Device memory that processes of the attempt still hold, by the newest reading."""
    return sum(
        held or 0
        for device in devices
        for pid, held in device.processes.items()
        if pid in pids and procfs.stat(pid) is not None
    )


class ShmWatch:
    """The entries of /dev/shm of this user, remembered at construction.

    Another program of the same user may make one meanwhile, so they are reported, not removed.
    """

    def __init__(self) -> None:
        self._before = _entries()

    def left(self) -> tuple[str, ...]:
        return tuple(sorted(_entries() - self._before))


def _entries() -> set[str]:
    found = set()
    try:
        with os.scandir(SHM) as entries:
            for entry in entries:
                try:
                    if entry.stat(follow_symlinks=False).st_uid == os.getuid():
                        found.add(entry.name)
                except FileNotFoundError:
                    continue
    except OSError:
        return set()
    return found
