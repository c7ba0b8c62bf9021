"""What the machine went through, as evidence for an outcome: only what speaks for or beside it.
Pure."""

from __future__ import annotations

from probes.disks import SHM, Disk
from runner.evidence import Fact
from runner.outcomes import Outcome
from runner.system_watch import System
from runner.units import duration, size

_PRESSED_S = 1.0
_HELD_BACK = 0.1
_HOST = frozenset(
    (
        Outcome.OOM_HOST_KILLED,
        Outcome.OOM_HOST_WORKER,
        Outcome.OOM_HOST_REFUSED,
        Outcome.OOM_HOST_LIMIT,
        Outcome.CRASH_KILLED,
        Outcome.CRASH_WORKER,
    )
)
_SLOW = frozenset((Outcome.HANG_IO, Outcome.HANG_SPIN, Outcome.HANG_UNKNOWN, Outcome.TIMEOUT))
_FOREIGNERS = 3


def facts_for(outcome: Outcome, system: System, seconds: float | None = None) -> list[Fact]:
    """``seconds`` is how long the job ran; None: not known, and shares are not told."""
    found: list[Fact] = []
    if outcome in _HOST:
        found += _memory(system)
    if outcome in _HOST or outcome in _SLOW:
        found += _pressure(system, seconds)
    if outcome is Outcome.OOM_SHM:
        found += [_disk_fact(disk, "shm") for disk in system.disks if disk.point == SHM]
    if outcome is Outcome.ERROR_DISK:
        found += [
            _disk_fact(disk, "disk") for disk in system.disks if disk.is_full and disk.point != SHM
        ]
    if outcome is Outcome.ERROR_FD and system.open_files is not None:
        near = system.open_files
        text = f"{near.name} (pid {near.pid}) had {near.open} of {near.limit} files open"
        found.append(Fact("descriptors", text))
    if outcome.value.startswith("oom.device"):
        found += _foreigners(system)
    return found


def _memory(system: System) -> list[Fact]:
    found = []
    group = system.group
    if group is not None and group.limit is not None and group.most_used is not None:
        hits = sum(group.events.get(name, 0) for name in ("max", "failcnt"))
        reached = f"; it was hit {hits} time(s)" if hits else ""
        text = f"used {size(group.most_used)} of its limit of {size(group.limit)}{reached}"
        found.append(Fact("cgroup", text))
    if system.least_available is not None:
        text = f"at the least, {size(system.least_available)} of the machine's memory was available"
        found.append(Fact("memory", text))
    if system.counters.get("pswpout"):
        found.append(Fact("vmstat", f"{system.counters['pswpout']} pages were swapped out"))
    return found


def _pressure(system: System, seconds: float | None) -> list[Fact]:
    found = []
    for name, held in sorted(system.pressure.items()):
        if held.full_s < _PRESSED_S or (seconds and held.full_s < _HELD_BACK * seconds):
            continue
        text = f"everything on the machine stood still for {name} for {duration(held.full_s)}"
        found.append(Fact("pressure", text))
    return found


def _disk_fact(disk: Disk, source: str) -> Fact:
    state = "was full" if disk.is_full else "at the fullest"
    text = f"{disk.point} {state}: {size(disk.free)} of {size(disk.total)} free"
    return Fact(source, text)


def _foreigners(system: System) -> list[Fact]:
    return [
        Fact(
            "device",
            f"device {other.device}: {other.name or 'a process that cannot be seen from here'} "
            f"(pid {other.pid}) holds "
            + ("memory; how much is not told" if other.held is None else size(other.held)),
        )
        for other in system.foreigners[:_FOREIGNERS]
    ]
