"""What an attempt left behind, against the state before it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass

from probes import procfs
from probes.device import DeviceMemory
from probes.host import SHM
from runner.stopping import Leftover
from runner.units import size

_TORCH = re.compile(r"torch_([0-9]{1,9})_[0-9]+_[0-9]+")
_WORKERS = re.compile(
    r"DataLoader worker \(pid(?:\(s\))? ([0-9, ]{1,200})\)"
    r"|shared memory ?\(shm\) for file </torch_([0-9]{1,9})_"
)
_SHM_PREFIX = os.fsencode(SHM) + b"/"
_MANY = 4096
_NOISE = 64 << 20
"""Bytes of a device that its driver takes and frees of its own accord."""


@dataclass(frozen=True)
class Entry:
    """A file in /dev/shm: a segment, or a semaphore (``sem.…``); or a folder."""

    name: str
    inode: int
    is_folder: bool = False


@dataclass(frozen=True)
class Leaks:
    processes: tuple[Leftover, ...] = ()
    shm: tuple[str, ...] = ()
    """Files in /dev/shm that the attempt certainly made and left, semaphores (``sem.…``) too."""
    ipc: tuple[str, ...] = ()
    """System V segments that a process of the attempt made."""
    folders: tuple[str, ...] = ()
    """Folders of sockets, among the temporary files, in which a process of the attempt listened."""
    device_bytes: int = 0
    """Device memory that processes of the attempt still hold."""
    cgroup: str | None = None
    """The attempt's cgroup where it could not be removed."""
    removed: tuple[str, ...] = ()
    """Of ``shm``, ``ipc`` and ``folders``: what was removed."""
    unsure: tuple[str, ...] = ()
    """What of this user appeared meanwhile; perhaps another program's, or a folder with files of
    one. It stays."""

    def __bool__(self) -> bool:
        return bool(
            self.processes
            or self.shm
            or self.ipc
            or self.folders
            or self.device_bytes
            or self.cgroup
        )


def holding(leaks: Leaks) -> list[str]:
    """What of an attempt is still there and in the way of the next, a line each."""
    found = [
        f"process {left.pid} ({left.command}) could not be ended"
        for left in leaks.processes
        if not left.gone
    ]
    if leaks.cgroup:
        found.append(f"the cgroup {leaks.cgroup} could not be removed: something lives in it")
    found += [
        f"the segment {name} could not be removed: another process uses it, or it is protected"
        for name in (*leaks.shm, *leaks.ipc)
        if name not in leaks.removed
    ]
    if leaks.device_bytes:
        found.append(f"its processes still hold {size(leaks.device_bytes)} of device memory")
    return found


def device_left(
    before: Iterable[DeviceMemory], after: Iterable[DeviceMemory], pids: Collection[int]
) -> tuple[int, list[str]]:
    """Bytes that processes of the attempt hold on the devices after its end, and in words what is
    in use beyond the state before and belongs to no process that can be seen (pure).

    The driver frees the memory of a dead process; a broken one keeps it, in nobody's name.
    """
    earlier = {device.index: device for device in before}
    held, unaccounted = 0, []
    for device in after:
        was = earlier.get(device.index)
        others = sum(taken or 0 for pid, taken in device.processes.items() if pid not in pids)
        ours = sum(taken or 0 for pid, taken in device.processes.items() if pid in pids)
        held += ours
        if was is None or None in (*was.processes.values(), *device.processes.values()):
            continue
        others_before = sum(taken or 0 for taken in was.processes.values())
        grown = (device.used - was.used) - ours - (others - others_before)
        if grown > _NOISE:
            unaccounted.append(
                f"device {device.index}: {size(grown)} more in use than before, by no process "
                "that can be seen"
            )
    return held, unaccounted


class ShmWatch:
    """The entries of /dev/shm of this user, remembered at construction.

    A new one is certainly the attempt's if a process of it was seen to map it, or if its name tells
    a process of it as its maker. Another program of the same user may have made the others. A
    folder is nobody's for certain: who has it open need not have made what lies in it.

    Every method raises OSError where /dev/shm cannot be read.
    """

    def __init__(self) -> None:
        self._before = _entries()
        self._mapped: set[Entry] = set()
        self._looked: tuple[frozenset[Entry], frozenset[int]] = (frozenset(), frozenset())

    def look(self, known: Callable[[], list[int]], now: Callable[[], list[int]]) -> None:
        """See which processes of the attempt use what is new; costs little where nothing is.

        What makes a segment may be younger than what is known of the tree.
        """
        new = frozenset(_entries() - self._before - self._mapped)
        if new:
            pids = frozenset(now() if new != self._looked[0] else known())
            if (new, pids) != self._looked:
                used = mapped_by(pids)
                self._mapped |= {entry for entry in new if entry.inode in used}
                self._looked = (new - self._mapped if len(new) < _MANY else frozenset(), pids)
        if len(self._mapped) > _MANY:
            self._mapped &= _entries()

    def left(self, pids: Collection[int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names that are certainly the attempt's, and those that only appeared meanwhile."""
        new = _entries() - self._before
        ours = {
            entry
            for entry in new
            if not entry.is_folder and (entry in self._mapped or maker(entry.name) in pids)
        }
        return _names(ours), _names(new - ours)


def maker(name: str) -> int | None:
    """The pid that torch writes into the names of its segments (pure)."""
    told = _TORCH.fullmatch(name)
    return int(told[1]) if told else None


def workers_named(output: str) -> set[int]:
    """Pids of loader workers whose death, or lack of shared memory, torch told: one may live too
    short to be seen.

    A job that lies about a pid gains nothing: what it makes us remove it may remove itself.
    """
    told = " ".join(dead or short for dead, short in _WORKERS.findall(output)).replace(",", " ")
    return {int(word) for word in told.split() if len(word) < 10}


def remove(names: Iterable[str]) -> tuple[str, ...]:
    """Remove segments that are certainly the attempt's and that no living process maps; the names
    of those that were removed. Raises OSError where /dev/shm cannot be read."""
    entries = {entry.name: entry for entry in _entries()}
    asked = [entries[name] for name in names if name in entries]
    used = mapped_by(procfs.pids()) if asked else set()
    removed = []
    for entry in asked:
        if entry.inode in used:
            continue
        # Gone meanwhile, or protected: what is still there is told from what was removed.
        with suppress(OSError):
            os.unlink(os.path.join(SHM, entry.name))
            removed.append(entry.name)
    return tuple(removed)


def mapped_by(pids: Iterable[int]) -> set[int]:
    """The inodes of /dev/shm that these processes map or have open now.

    A name does not tell: a POSIX semaphore is made under another, which is gone by then.
    """
    found = set()
    for pid in pids:
        raw = procfs.of_memory(pid, "maps", 1 << 24) or b""
        for line in raw.splitlines():
            fields = line.split(maxsplit=5)
            if len(fields) == 6 and fields[5].startswith(_SHM_PREFIX):
                found.add(int(fields[4]))
        found |= _opened(pid)
    return found


def _opened(pid: int) -> set[int]:
    found = set()
    with suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                path = f"/proc/{pid}/fd/{name}"
                if os.fsencode(os.readlink(path)).startswith(_SHM_PREFIX):
                    found.add(os.stat(path).st_ino)
    return found


def _names(entries: Iterable[Entry]) -> tuple[str, ...]:
    return tuple(sorted(entry.name for entry in entries))


def _entries() -> set[Entry]:
    """This user's; raises OSError: where nothing was read, everything would seem new later."""
    found = set()
    with suppress(FileNotFoundError), os.scandir(SHM) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                stat = entry.stat(follow_symlinks=False)
                if stat.st_uid == os.getuid():
                    is_folder = entry.is_dir(follow_symlinks=False)
                    found.add(Entry(entry.name, stat.st_ino, is_folder))
    return found
