"""Locks on files and who holds them, from ``/proc/locks`` (proc_locks(5))."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from probes import procfs


@dataclass(frozen=True)
class Waiting:
    """A process that waits for a lock on a file."""

    pid: int
    """Of the one that waits."""
    holder: int
    """-1 where the kernel does not name it (an open file description's lock)."""
    kind: str
    """FLOCK, POSIX, OFDLCK or LEASE."""
    device: int
    inode: int


def waiting() -> list[Waiting]:
    """Everybody who waits for a lock on a file now; empty where that cannot be read."""
    raw = procfs.read("/proc/locks")
    return parse(raw.decode("ascii", "replace")) if raw else []


def parse(text: str) -> list[Waiting]:
    """Lines with ``->`` wait for the lock of the same number above them."""
    holders: dict[str, int] = {}
    found = []
    for line in text.splitlines():
        words = line.split()
        blocked = len(words) > 1 and words[1] == "->"
        fields = words[2:] if blocked else words[1:]
        if len(fields) < 5:
            continue
        try:
            pid = int(fields[3])
            major, minor, inode = fields[4].split(":")
            device = os.makedev(int(major, 16), int(minor, 16))
            if blocked:
                holder = holders.get(words[0], -1)
                found.append(Waiting(pid, holder, fields[0], device, int(inode)))
            else:
                holders[words[0]] = pid
        except ValueError:
            continue
    return found


def file_of(lock: Waiting, pids: Iterable[int]) -> str | None:
    """The name of the locked file, as one of the processes has it open; None: nobody has."""
    for pid in pids:
        folder = f"/proc/{pid}/fd"
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            path = f"{folder}/{name}"
            try:
                there = os.stat(path)
                # A device number in /proc/locks may be another view's than stat's (btrfs, overlay).
                if there.st_ino == lock.inode:
                    return os.readlink(path)
            except OSError:
                continue
    return None
