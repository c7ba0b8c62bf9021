"""The memory controller that really applies to a process: version 1, version 2, or none.

``/proc/<pid>/cgroup`` names one path a hierarchy. A ``0::`` line says only that a version 2
hierarchy is mounted; it manages memory when ``memory.*`` files stand in it. In a container the
path may be of the host's tree while the mount shows a part of it, so the mount's root is taken off.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path

from probes import procfs

# Version 1 writes "no limit" as the largest multiple of a page below 2**63.
_UNLIMITED = 1 << 60


@dataclass(frozen=True)
class Mount:
    """A cgroup hierarchy: where it is mounted and which part of the tree is shown there."""

    version: int
    controllers: frozenset[str]
    root: str
    point: str


@dataclass(frozen=True)
class MemoryGroup:
    """The folder of the memory controller that a process belongs to."""

    version: int
    folder: Path
    top: Path
    """Mount point; limits of every folder between count."""
    is_exact: bool = True
    """Whether it is the process's own folder, not the nearest that is shown here."""

    def usage(self) -> int | None:
        """Bytes charged now."""
        return _number(
            self.folder / ("memory.current" if self.version == 2 else "memory.usage_in_bytes")
        )

    def limit(self) -> int | None:
        """Bytes allowed: the smallest limit from here up to the mount; None where there is none."""
        found = self.tightest()
        return None if found is None else found[0]

    def tightest(self) -> tuple[int, Path] | None:
        """The smallest limit from here up to the mount, in bytes, and the folder that has it."""
        name = "memory.max" if self.version == 2 else "memory.limit_in_bytes"
        found = []
        folder = self.folder
        while True:
            value = _number(folder / name)
            if value is not None and value < _UNLIMITED:
                found.append((value, folder))
            if folder == self.top or folder == folder.parent:
                break
            folder = folder.parent
        return min(found, key=lambda one: one[0], default=None)

    def events(self) -> dict[str, int]:
        """How often the kernel acted here so far, in its own words: ``high``, ``max``, ``oom`` and
        ``oom_kill`` of version 2; ``failcnt`` (the limit was hit) and ``oom_kill`` of version 1."""
        if self.version == 2:
            return dict(procfs.counters(str(self.folder / "memory.events")))
        found = {"failcnt": _number(self.folder / "memory.failcnt"), "oom_kill": self.oom_kills()}
        return {name: count for name, count in found.items() if count is not None}

    def oom_kills(self) -> int | None:
        """How many processes the kernel has killed here for memory."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        return dict(procfs.counters(str(self.folder / name))).get("oom_kill")


def memory_group(pid: int | None = None) -> MemoryGroup | None:
    """The memory controller of a process (default: this one), None where no cgroup has one."""
    lines = membership(os.getpid() if pid is None else pid)
    mounts = procfs.read("/proc/self/mountinfo")
    if lines is None or mounts is None:
        return None
    paths = parse_membership(lines.decode("utf-8", "replace"))
    for candidate in candidates(paths, parse_mounts(mounts.decode("utf-8", "replace"))):
        if (found := accounting(candidate)) is not None:
            return found
    return None


def accounting(candidate: MemoryGroup) -> MemoryGroup | None:
    """The nearest folder from a candidate's up to the mount in which memory is accounted; None
    where it is nowhere. Version 2 has the controller only where the folder above asks for it."""
    name = "memory.current" if candidate.version == 2 else "memory.usage_in_bytes"
    for folder in (candidate.folder, *candidate.folder.parents):
        if (folder / name).is_file():
            return dataclasses.replace(candidate, folder=folder)
        if folder == candidate.top:
            break
    return None


def membership(pid: int) -> bytes | None:
    """The cgroups of a process as the kernel lists them."""
    return procfs.read(f"/proc/{pid}/cgroup")


def parse_membership(text: str) -> dict[str, str]:
    """``/proc/<pid>/cgroup`` → path by controller; version 2's controller is ``""``."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        parts = line.split(":", 2)
        if len(parts) == 3:
            for controller in parts[1].split(","):
                found[controller] = parts[2]
    return found


def parse_mounts(text: str) -> list[Mount]:
    """The cgroup lines of ``/proc/<pid>/mountinfo`` (proc_pid_mountinfo(5))."""
    found = []
    for line in text.splitlines():
        before, separator, after = line.partition(" - ")
        fields, rest = before.split(" "), after.split(" ")
        if not separator or len(fields) < 5 or len(rest) < 3:
            continue
        kind, options = rest[0], rest[2]
        if kind in ("cgroup", "cgroup2"):
            found.append(
                Mount(
                    version=2 if kind == "cgroup2" else 1,
                    controllers=frozenset(options.split(",")),
                    root=_unescape(fields[3]),
                    point=_unescape(fields[4]),
                )
            )
    return found


def candidates(paths: dict[str, str], mounts: list[Mount]) -> list[MemoryGroup]:
    """Folders where a process's memory files may stand, the likeliest first."""
    found = []
    for mount in mounts:
        if mount.version == 1 and "memory" in mount.controllers:
            path = paths.get("memory")
        elif mount.version == 2:
            path = paths.get("")
        else:
            continue
        if path is None:
            continue
        top = Path(mount.point)
        inside = os.path.relpath(path, mount.root)
        if not inside.startswith(".."):
            found.append(MemoryGroup(mount.version, top / inside, top))
        # A container without a cgroup namespace shows its own folder as the mount's top.
        found.append(MemoryGroup(mount.version, top, top, is_exact=False))
    return found


def _unescape(field: str) -> str:
    return field.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")


def _number(path: Path) -> int | None:
    raw = procfs.read(str(path), 64)
    text = raw.decode("ascii", "replace").strip() if raw else ""
    return int(text) if text.isdecimal() else None
