"""System V shared memory, semaphores and message queues, which outlive every process that used them
(sysvipc(7), proc_sysvipc(5))."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

from probes import procfs

_IPC_RMID = 0
_MOST = 1 << 22


@dataclass(frozen=True)
class Segment:
    """Shared memory."""

    id: int
    key: int
    size: int
    """Bytes."""
    maker: int
    """Pid."""
    attached: int
    """How often it is attached now."""
    uid: int


@dataclass(frozen=True)
class Semaphores:
    """A set; the kernel does not tell who made it."""

    id: int
    key: int
    count: int
    uid: int


@dataclass(frozen=True)
class Queue:
    """Of messages; the kernel tells who used it last, not who made it."""

    id: int
    key: int
    messages: int
    """That nobody has received."""
    uid: int


def segments() -> list[Segment]:
    """Every segment of this IPC namespace; none where the kernel has no System V IPC."""
    return [
        Segment(
            id=row["shmid"],
            key=row["key"],
            size=row["size"],
            maker=row["cpid"],
            attached=row["nattch"],
            uid=row["uid"],
        )
        for row in parse(procfs.read("/proc/sysvipc/shm", _MOST) or b"")
    ]


def semaphores() -> list[Semaphores]:
    """Every set of this IPC namespace."""
    return [
        Semaphores(id=row["semid"], key=row["key"], count=row["nsems"], uid=row["uid"])
        for row in parse(procfs.read("/proc/sysvipc/sem", _MOST) or b"")
    ]


def queues() -> list[Queue]:
    """Every message queue of this IPC namespace."""
    return [
        Queue(id=row["msqid"], key=row["key"], messages=row["qnum"], uid=row["uid"])
        for row in parse(procfs.read("/proc/sysvipc/msg", _MOST) or b"")
    ]


def parse(raw: bytes) -> list[dict[str, int]]:
    """A table of ``/proc/sysvipc``: its columns by name; permissions, in octal, are left out."""
    head, *lines = raw.decode("ascii", "replace").splitlines() or [""]
    names = head.split()
    found = []
    for line in lines:
        words = dict(zip(names, line.split(), strict=False))
        words.pop("perms", None)
        if len(words) == len(names) - 1:
            found.append({name: int(word) for name, word in words.items()})
    return found


def remove(segment: Segment) -> bool:
    """Remove a segment that nobody has attached; whether it is gone.

    An id may have been given to another segment meanwhile, so it is looked at again before.
    """
    if segment.attached or segment not in segments():
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.shmctl(segment.id, _IPC_RMID, None) == 0)
