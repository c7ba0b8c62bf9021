"""Memory that the next run can have, and what stands against it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import psutil

from probes import cgroup, host, procfs
from runner.doctor.finding import Finding, note, ok, problem, unchecked, warning
from runner.units import size

_GIB = 1 << 30
_MIB = 1 << 20
_TIGHT, _LITTLE = 4 * _GIB, 1 * _GIB
_SHM_SMALL, _SHM_LITTLE = 256 * _MIB, 16 * _MIB
_PRESSED = 10.0


@dataclass(frozen=True)
class Facts:
    """Bytes; None for what this machine does not tell."""

    available: int
    """Of the machine."""
    limit: int | None
    """Of the cgroup, where one is set."""
    used_of_limit: int | None
    """Charged to the cgroup without what the kernel can drop at once."""
    swap_total: int
    swap_used: int
    overcommit: int | None
    """vm.overcommit_memory: 2 refuses what is not backed."""
    stalled_percent: float | None
    """Share of the last ten seconds in which all tasks waited for memory."""
    shm_total: int | None
    shm_free: int | None

    @property
    def room(self) -> int:
        """What a new process can have before it is killed or everything swaps."""
        if self.limit is None:
            return self.available
        return max(0, min(self.available, self.limit - (self.used_of_limit or 0)))


def gather() -> Facts:
    group = cgroup.memory_group()
    limit = group.limit() if group else None
    used = group.usage() if group else None
    if group and used is not None:
        stat = dict(procfs.counters(str(group.folder / "memory.stat")))
        used = max(0, used - stat.get("total_inactive_file", stat.get("inactive_file", 0)))
    swap = psutil.swap_memory()
    total, shm_used = host.shm_total(), host.shm_used()
    mode = procfs.read("/proc/sys/vm/overcommit_memory", 16)
    return Facts(
        available=int(psutil.virtual_memory().available),
        limit=limit if limit is not None and limit < host.machine_memory() else None,
        used_of_limit=used,
        swap_total=int(swap.total),
        swap_used=int(swap.used),
        overcommit=int(mode) if mode else None,
        stalled_percent=_pressure(),
        shm_total=total,
        shm_free=None if total is None or shm_used is None else total - shm_used,
    )


def _pressure() -> float | None:
    raw = procfs.read("/proc/pressure/memory", 1024) or b""
    match = re.search(rb"^full avg10=([0-9.]+)", raw, re.MULTILINE)
    return float(match[1]) if match else None


def judge(facts: Facts) -> list[Finding]:
    return [_room(facts), *_swap(facts), *_pressed(facts), _shm(facts)]


def _room(facts: Facts) -> Finding:
    of = "" if facts.limit is None else f" of the cgroup's limit of {size(facts.limit)}"
    what = f"{size(facts.room)} of memory{of} can be had"
    who = "see who holds it: ps -eo pid,rss,args --sort=-rss | head"
    why = "the kernel kills a process of the job when it needs more"
    if facts.room < _LITTLE:
        return problem("memory.available", what, why, who)
    if facts.room < _TIGHT:
        return warning("memory.available", what, why, who)
    return ok("memory.available", what)


def _swap(facts: Facts) -> list[Finding]:
    found = []
    if facts.swap_total and facts.swap_used > facts.swap_total // 2:
        found.append(
            note(
                "memory.swap",
                f"{size(facts.swap_used)} of {size(facts.swap_total)} swap are in use",
                "a job that swaps stands still for minutes instead of failing",
                "end what is not needed, then: sudo swapoff -a && sudo swapon -a",
            )
        )
    if facts.overcommit == 2:
        found.append(
            warning(
                "memory.overcommit",
                "vm.overcommit_memory is 2: address space is refused before memory is used up",
                "CUDA and forked loader workers reserve far more than they use",
                "sudo sysctl vm.overcommit_memory=0",
            )
        )
    return found


def _pressed(facts: Facts) -> list[Finding]:
    if facts.stalled_percent is None or facts.stalled_percent < _PRESSED:
        return []
    return [
        warning(
            "memory.pressure",
            f"everything waited for memory {facts.stalled_percent:.0f} % of the last 10 s",
            "the machine is thrashing now; a new job stalls with the rest",
            "see who holds it: ps -eo pid,rss,args --sort=-rss | head",
        )
    ]


def _shm(facts: Facts) -> Finding:
    if facts.shm_total is None or facts.shm_free is None:
        return unchecked("shm.size", f"{host.SHM} is not there")
    what = f"{size(facts.shm_free)} of {size(facts.shm_total)} free in {host.SHM}"
    why = "loader workers hand batches over there; a full one ends in a bus error"
    mend = f"sudo mount -o remount,size=8G {host.SHM} (docker run --shm-size=8g), or --workers 0"
    if facts.shm_free < _SHM_LITTLE:
        return problem("shm.size", what, why, mend)
    if facts.shm_free < _SHM_SMALL:
        return warning("shm.size", what, why, mend)
    return ok("shm.size", what)
