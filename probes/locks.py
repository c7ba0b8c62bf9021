"""Locks on files and who holds them, from ``/proc/locks`` (proc_locks(5))."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from probes import procfs

_INODE = re.compile(rb"^ino:\s*(\d+)$", re.MULTILINE)


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


@dataclass(frozen=True)
class Held:
    """A lock for writing that a process holds."""

    pid: int
    kind: str
    inode: int


def held() -> list[Held]:
    """Locks for writing that are held now, as far as the kernel names the holders."""
    found = []
    for line in (procfs.read("/proc/locks") or b"").decode("ascii", "replace").splitlines():
        words = line.split()
        if len(words) < 6 or words[1] == "->" or words[3] != "WRITE":
            continue
        inode = words[5].rpartition(":")[2]
        if words[4].isdigit() and inode.isdigit():
            found.append(Held(int(words[4]), words[1], int(inode)))
    return found


def contended(pid: int, locks: Iterable[Held]) -> tuple[str, Held] | None:
    """A file that the process has open and that another has locked, with that lock."""
    others = {lock.inode: lock for lock in locks if lock.pid != pid}
    for inode, path in _open_files(pid) if others else ():
        if inode in others:
            return path, others[inode]
    return None


def _open_files(pid: int) -> Iterator[tuple[int, str]]:
    """Inodes and names of the files that a process has open.

    The kernel tells the inode itself from 5.14 on. To ask the file for it waits for its file
    system, which may be what the process waits for.
    """
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return
    for name in names:
        try:
            path = os.readlink(f"/proc/{pid}/fd/{name}")
            if not path.startswith("/") or re.match(r"/dev/(?!shm/)", path):
                continue
            told = _INODE.search(procfs.read(f"/proc/{pid}/fdinfo/{name}", 4096) or b"")
            yield int(told[1]) if told else os.stat(f"/proc/{pid}/fd/{name}").st_ino, path
        except OSError:
            continue


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
    # A device number in /proc/locks may be another view's than stat's (btrfs, overlay).
    files = (one for pid in pids for one in _open_files(pid))
    return next((path for inode, path in files if inode == lock.inode), None)
