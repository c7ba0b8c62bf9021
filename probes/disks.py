"""Room on the local file systems that a process can write to, in its own mount namespace."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from probes import procfs

_LOCAL = frozenset(
    ("ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "tmpfs", "ramfs", "overlay", "bcachefs")
)
"""Those whose answer comes from memory: one over a network, or of a program, may never answer."""
_NOT_FOR_FILES = ("/sys", "/proc", "/dev")
SHM = "/dev/shm"
_MIB = 1 << 20
_MOST = 64


@dataclass(frozen=True)
class Mount:
    """A line of ``/proc/<pid>/mountinfo`` (proc_pid_mountinfo(5))."""

    point: str
    kind: str
    device: str
    """``major:minor``: two mounts of one file system have the same."""
    writable: bool


@dataclass(frozen=True)
class Disk:
    """Bytes of a file system."""

    point: str
    kind: str
    device: str
    total: int
    free: int
    """For this user."""

    @property
    def is_full(self) -> bool:
        """Whether a write of a few pages may fail. Small ones count from a sixteenth of their size,
        all others from a mebibyte."""
        return self.total > 0 and self.free < min(_MIB, self.total // 16)


def local_mounts(pid: int) -> list[Mount]:
    """What this process can write to, the newest mount of each file system and folder."""
    raw = procfs.read(f"/proc/{pid}/mountinfo")
    return chosen(parse_mounts(raw.decode("utf-8", "replace"))) if raw else []


def parse_mounts(text: str) -> list[Mount]:
    found = []
    for line in text.splitlines():
        before, separator, after = line.partition(" - ")
        fields, rest = before.split(" "), after.split(" ")
        if not separator or len(fields) < 6 or len(rest) < 3:
            continue
        options = {*fields[5].split(","), *rest[2].split(",")}
        point = fields[4].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        found.append(Mount(point, rest[0], fields[2], "ro" not in options))
    return found


def chosen(mounts: Iterable[Mount]) -> list[Mount]:
    """Local file systems that can be written to, each once, at most 64 (pure)."""
    # A later mount hides an earlier one of the same folder.
    visible = {mount.point: mount for mount in mounts}
    by_device: dict[str, Mount] = {}
    for mount in visible.values():
        if mount.kind in _LOCAL and mount.writable and _is_for_files(mount.point):
            kept = by_device.get(mount.device)
            if kept is None or len(mount.point) < len(kept.point):
                by_device[mount.device] = mount
    return list(by_device.values())[:_MOST]


def _is_for_files(point: str) -> bool:
    return point == SHM or not f"{point}/".startswith(tuple(f"{one}/" for one in _NOT_FOR_FILES))


def look(mounts: Iterable[Mount], pid: int) -> list[Disk]:
    """The room on each, through the root folder of the process; those that cannot be asked are
    left out."""
    found = []
    for mount in mounts:
        try:
            room = os.statvfs(f"/proc/{pid}/root{mount.point}")
        except OSError:
            continue
        blocks = room.f_bfree if os.geteuid() == 0 else room.f_bavail
        total, free = room.f_blocks * room.f_frsize, blocks * room.f_frsize
        found.append(Disk(mount.point, mount.kind, mount.device, total, free))
    return found


def namespace(pid: int) -> str | None:
    """Which mounts this process sees, as a name; None where that may not be told."""
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt")
    except OSError:
        return None
