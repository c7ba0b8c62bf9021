"""Host memory: of a process tree, of the machine, of /dev/shm, and kills for it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from probes import cgroup, procfs
from probes.pages import Pages

SHM = "/dev/shm"
_FULL = 0.95


@dataclass(frozen=True)
class Held:
    """What one process of a tree holds."""

    pid: int
    ppid: int
    name: str
    size: int
    """Bytes of PSS; of RSS where the process does not let itself be read."""
    pages: Pages | None
    """The same by kind; None where it is not told."""


@dataclass(frozen=True)
class TreeMemory:
    """Bytes held by a process tree; shared pages are divided in PSS and counted again in RSS."""

    rss: int
    pss: int | None
    """None where no process of the tree lets itself be read."""
    uss: int | None
    largest: tuple[tuple[int, str, int], ...]
    """(pid, name, PSS or RSS) of the biggest holders, biggest first."""
    processes: int
    by_process: tuple[Held, ...] = ()
    """Every living one."""


def tree_memory(members: Iterable[procfs.Stat], *, with_pss: bool, holders: int = 5) -> TreeMemory:
    """Memory of the given processes. PSS costs milliseconds a gigabyte: ask for it sparingly.

    Where only some may be read, the others count with their RSS.
    """
    rss = pss = uss = count = 0
    readable = False
    found = []
    for member in members:
        if member.is_dead:
            continue
        count += 1
        detail = procfs.memory(member.pid) if with_pss else None
        rss += detail.rss if detail else member.rss
        pss += detail.pss if detail else member.rss
        uss += detail.uss if detail else 0
        readable = readable or detail is not None
        size = detail.pss if detail else member.rss
        pages = detail.pages if detail else None
        found.append(Held(member.pid, member.ppid, member.name, size, pages))
    largest = sorted(found, key=lambda one: -one.size)[:holders]
    return TreeMemory(
        rss=rss,
        pss=pss if readable else None,
        uss=uss if readable else None,
        largest=tuple((one.pid, one.name, one.size) for one in largest),
        processes=count,
        by_process=tuple(found),
    )


def shm_used() -> int | None:
    """Bytes in use in /dev/shm, by anybody."""
    try:
        room = os.statvfs(SHM)
    except OSError:
        return None
    return (room.f_blocks - room.f_bfree) * room.f_frsize


def shm_is_full() -> bool:
    """Whether less than a twentieth of /dev/shm is free; False where there is none."""
    used, total = shm_used(), shm_total()
    return used is not None and bool(total) and used >= _FULL * (total or 0)


def shm_total() -> int | None:
    try:
        room = os.statvfs(SHM)
    except OSError:
        return None
    return room.f_blocks * room.f_frsize


def machine_memory() -> int:
    """Bytes of RAM of the machine."""
    return int(psutil.virtual_memory().total)


def memory_limit() -> int:
    """Bytes that this process and its children may use: the cgroup's limit, else the machine's."""
    total = machine_memory()
    group = cgroup.memory_group()
    limit = group.limit() if group else None
    return total if limit is None else min(limit, total)


def oom_kills_of_machine() -> int | None:
    """How many processes the kernel has killed for memory since it started."""
    return dict(procfs.counters("/proc/vmstat")).get("oom_kill")
