"""What the machine around the job went through: memory, pressure, disks, descriptors, the cgroup's
counters, each compared with its state before the attempt."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import psutil

from probes import cgroup, disks, pressure, procfs
from probes.cgroup import MemoryGroup
from probes.device import DeviceMemory
from probes.disks import Disk, Mount
from probes.pressure import Pressure
from probes.procfs import Stat

_MOUNTS_AGAIN = 20
"""Looks between two readings of the table of mounts; a new namespace is seen at once."""
_NAMESPACES = 8
_PROCESSES = 256
_NEAR = 0.9
_UNSEEN = 4 << 30
"""Bytes that workers may fill and free again between two looks."""
_COUNTERS = ("pgmajfault", "pswpin", "pswpout", "oom_kill")


@dataclass(frozen=True)
class OpenFiles:
    """The process that came nearest to its limit of descriptors."""

    pid: int
    name: str
    open: int
    limit: int

    @property
    def is_near(self) -> bool:
        return self.open >= _NEAR * self.limit


@dataclass(frozen=True)
class GroupMemory:
    """The job's memory cgroup. Bytes."""

    folder: str
    version: int
    limit: int | None
    most_used: int | None
    """The largest seen, with what the kernel can drop."""
    events: Mapping[str, int]
    """What the kernel counted there since the start of the attempt."""


@dataclass(frozen=True)
class Foreigner:
    """A process of somebody else that holds device memory."""

    device: int
    pid: int
    name: str | None
    """None where the process cannot be seen from here, as from a container."""
    held: int | None
    """Bytes; None where the driver does not tell."""
    total: int | None = None
    """Bytes of the device."""


@dataclass(frozen=True)
class System:
    """Bytes and seconds; None and empty: not told by this machine."""

    least_available: int | None = None
    """Memory of the whole machine."""
    least_swap_free: int | None = None
    counters: Mapping[str, int] = field(default_factory=dict)
    """Of the whole machine since the start of the attempt: major faults, pages swapped, kills."""
    pressure: Mapping[str, Pressure] = field(default_factory=dict)
    """Seconds since the start of the attempt, and the highest share seen."""
    group: GroupMemory | None = None
    disks: tuple[Disk, ...] = ()
    """At their fullest."""
    filled: tuple[str, ...] = ()
    """Of ``disks``: those that had room before and had none at some look. The mount points."""
    open_files: OpenFiles | None = None
    foreigners: tuple[Foreigner, ...] = ()

    @property
    def shm_filled(self) -> bool:
        """Whether /dev/shm, as the job sees it, had no room at some look."""
        return disks.SHM in self.filled

    def shm_full(self, at_a_look: bool) -> bool | None:
        """Whether /dev/shm was full; None: at no look, but it may have been between two."""
        if at_a_look or self.shm_filled:
            return True
        seen = [disk for disk in self.disks if disk.point == disks.SHM]
        roomy = seen and all(disk.free > max(_UNSEEN, disk.total // 2) for disk in seen)
        return False if roomy else None

    @property
    def disks_filled(self) -> tuple[str, ...]:
        return tuple(point for point in self.filled if point != disks.SHM)


class SystemWatch:
    """Remembers the state at construction; ``look`` costs well under a millisecond."""

    def __init__(self) -> None:
        self._counters = _machine_counters()
        self._pressure = pressure.read()
        self._worst: dict[str, float] = {}
        self._group: MemoryGroup | None = None
        self._group_events: Mapping[str, int] = {}
        self._group_used: int | None = None
        self._available: int | None = None
        self._swap: int | None = None
        self._mounts: dict[str | None, list[Mount]] = {}
        self._fullest: dict[str, Disk] = {}
        self._files: OpenFiles | None = None
        self._looks = 0
        self._look_at_disks(())
        self._full_before = {key for key, disk in self._fullest.items() if disk.is_full}

    def look(self, members: Sequence[Stat]) -> None:
        memory = psutil.virtual_memory().available
        swap = psutil.swap_memory()
        self._available = min(self._available or memory, memory)
        if swap.total:
            self._swap = min(swap.free if self._swap is None else self._swap, swap.free)
        for name, seen in pressure.read().items():
            self._worst[name] = max(self._worst.get(name, 0.0), seen.full_percent)
        living = [member for member in members if not member.is_dead][:_PROCESSES]
        self._look_at_group(living)
        self._look_at_disks(living)
        self._look_at_files(living)
        self._looks += 1

    def _look_at_group(self, members: Sequence[Stat]) -> None:
        if not members:
            return
        # A job may be put elsewhere by what starts it: the newest of its groups is looked at.
        group = cgroup.memory_group(members[0].pid)
        if group is None:
            return
        if self._group is None or group.folder != self._group.folder:
            self._group, self._group_events, self._group_used = group, group.events(), None
        self._group_used = max(self._group_used or 0, group.usage() or 0)

    def _look_at_disks(self, members: Sequence[Stat]) -> None:
        me = os.getpid()
        seen = {disks.namespace(me): me}
        for member in members:
            name = disks.namespace(member.pid)
            if name is not None and len(seen) < _NAMESPACES:
                seen.setdefault(name, member.pid)
        for name, pid in seen.items():
            if name not in self._mounts or self._looks % _MOUNTS_AGAIN == 0:
                self._mounts[name] = disks.local_mounts(pid)
            for disk in disks.look(self._mounts[name], pid):
                known = self._fullest.get(disk.device)
                if known is None or disk.free < known.free:
                    self._fullest[disk.device] = disk

    def _look_at_files(self, members: Sequence[Stat]) -> None:
        for member in members:
            count, limit = procfs.open_files(member.pid), procfs.open_files_limit(member.pid)
            if not count or not limit:
                continue
            if self._files is None or count / limit > self._files.open / self._files.limit:
                self._files = OpenFiles(member.pid, member.name, count, limit)

    def picture(self, devices: Iterable[DeviceMemory], ours: Collection[int]) -> System:
        """What was seen. ``devices`` is a reading from the job's lifetime, ``ours`` its pids."""
        now = _machine_counters()
        self._look_at_disks(())
        return System(
            least_available=self._available,
            least_swap_free=self._swap,
            counters={
                name: now[name] - before for name, before in self._counters.items() if name in now
            },
            pressure={
                name: replace(
                    seen,
                    some_s=seen.some_s - self._pressure[name].some_s,
                    full_s=seen.full_s - self._pressure[name].full_s,
                    full_percent=max(seen.full_percent, self._worst.get(name, 0.0)),
                )
                for name, seen in pressure.read().items()
                if name in self._pressure
            },
            group=self._group_memory(),
            disks=tuple(sorted(self._fullest.values(), key=lambda disk: (disk.free, disk.point))),
            filled=tuple(
                disk.point
                for device, disk in self._fullest.items()
                if disk.is_full and device not in self._full_before
            ),
            open_files=self._files,
            foreigners=foreigners(devices, ours),
        )

    def _group_memory(self) -> GroupMemory | None:
        group = self._group
        if group is None:
            return None
        now = group.events()
        return GroupMemory(
            folder=str(group.folder),
            version=group.version,
            limit=group.limit(),
            most_used=self._group_used,
            events={
                name: count - self._group_events.get(name, 0)
                for name, count in now.items()
                if count != self._group_events.get(name, 0)
            },
        )


def foreigners(devices: Iterable[DeviceMemory], ours: Collection[int]) -> tuple[Foreigner, ...]:
    """Who else holds device memory, the biggest first."""
    found = []
    for one in devices:
        for pid, held in one.processes.items():
            if pid not in ours:
                stat = procfs.stat(pid)
                found.append(
                    Foreigner(one.index, pid, stat.name if stat else None, held, one.total)
                )
    return tuple(sorted(found, key=lambda other: -(other.held or 0)))


def _machine_counters() -> dict[str, int]:
    found = dict(procfs.counters("/proc/vmstat"))
    kept = {name: found[name] for name in _COUNTERS if name in found}
    stalls = [count for name, count in found.items() if name.startswith("allocstall")]
    return {**kept, "allocstall": sum(stalls)} if stalls else kept


def as_dict(system: System) -> dict[str, Any]:
    """For result.json."""
    return {**asdict(system), "group": asdict(system.group) if system.group else None}
