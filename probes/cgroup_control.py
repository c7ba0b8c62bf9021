"""Groups of processes made in the kernel's cgroup tree: found, filled, emptied, removed.

A group is used for membership alone: no process leaves it by forking, changing session or emptying
its environment. So version 2 is taken where it is mounted, with whatever controllers, and of
version 1 only hierarchies in which a new child changes nothing for the processes in it: freezer,
pids, systemd's own. In version 1's memory, cpu and cpuset a child has an accounting, a share or
settings of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from probes import cgroup, procfs
from probes.cgroup import Mount

_HIERARCHIES = ("freezer", "pids", "name=systemd")


@dataclass(frozen=True)
class Group:
    """A folder of the cgroup tree."""

    folder: Path

    def exists(self) -> bool:
        return self.folder.is_dir()

    def folders(self) -> list[Path]:
        """The group and those that were made in it, inner ones first."""
        return [Path(where) for where, _, _ in os.walk(self.folder, topdown=False)]

    def pids(self) -> set[int]:
        """Processes in the group and in the groups below; without those that have no number here,
        being of another pid namespace."""
        found: set[int] = set()
        for folder in self.folders():
            raw = procfs.read(str(folder / "cgroup.procs"), 1 << 22) or b""
            found |= {int(word) for word in raw.split() if word.isdigit()}
        return found - {0}

    def kill(self) -> bool:
        """Whether the kernel killed the whole group in one step (version 2 from Linux 5.14)."""
        return _write(self.folder / "cgroup.kill", "1")

    def freeze(self, on: bool) -> None:
        """Hold every process, where the hierarchy can, so that none forks between a look and its
        signal. A frozen process of version 1 dies of a SIGKILL only when it is let go."""
        for folder in self.folders():
            _write(folder / "freezer.state", "FROZEN" if on else "THAWED")

    def remove(self) -> bool:
        """Remove it with the groups below; False where something in it still lives."""
        for folder in self.folders():
            with suppress(OSError):
                folder.rmdir()
        return not self.exists()


def make(name: str) -> Group | str:
    """A new group below the one this process is in; why none can be made, as text."""
    reasons = []
    for folder in own_folders():
        group = Group(folder / name)
        try:
            group.folder.mkdir()
        except OSError as error:
            reasons.append(f"{group.folder}: {error.strerror}")
            continue
        if os.access(group.folder / "cgroup.procs", os.W_OK):
            return group
        group.remove()
        reasons.append(f"{group.folder}: processes may not be moved there")
    return "; ".join(reasons) or "no cgroup hierarchy is mounted in which a group could be made"


def own_folders() -> list[Path]:
    """The folders that this process is in, in the order in which they suit a new group."""
    lines = cgroup.membership(os.getpid())
    mounts = procfs.read("/proc/self/mountinfo")
    if lines is None or mounts is None:
        return []
    paths = cgroup.parse_membership(lines.decode("utf-8", "replace"))
    found = candidates(paths, cgroup.parse_mounts(mounts.decode("utf-8", "replace")))
    # The path may be told from another root than the mount's: only the kernel's list is proof.
    me = str(os.getpid()).encode()
    return [
        folder
        for folder in found
        if me in (procfs.read(str(folder / "cgroup.procs"), 1 << 22) or b"").split()
    ]


def candidates(paths: dict[str, str], mounts: Iterable[Mount]) -> list[Path]:
    """Where a process's folders may stand: version 2 first, then version 1 (pure)."""
    ranked = []
    for mount in mounts:
        if mount.version == 2:
            rank, path = 0, paths.get("")
        else:
            names = [name for name in _HIERARCHIES if name in mount.controllers]
            if not names:
                continue
            rank, path = 1 + _HIERARCHIES.index(names[0]), paths.get(names[0])
        if path is None:
            continue
        inside = os.path.relpath(path, mount.root)
        top = Path(mount.point)
        ranked.append((rank, top if inside.startswith("..") else top / inside))
    return list(dict.fromkeys(folder for _, folder in sorted(ranked, key=lambda each: each[0])))


def is_inside(folder: Path) -> bool:
    """Whether a folder lies in a mounted cgroup hierarchy."""
    mounts = procfs.read("/proc/self/mountinfo") or b""
    points = [Path(each.point) for each in cgroup.parse_mounts(mounts.decode("utf-8", "replace"))]
    return folder.is_absolute() and any(
        point in folder.parents for point in points if ".." not in folder.parts
    )


def _write(path: Path, text: str) -> bool:
    """Whether the kernel took it; not every hierarchy has every file."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.write(descriptor, text.encode())
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
