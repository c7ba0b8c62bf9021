"""Whether a process stands still because its cgroup is frozen (cgroup-v1/freezer-subsystem and
cgroup-v2 of the kernel's documentation).

Its state does not tell: of version 1 it is ``D``, of version 2 ``S``, and neither is ``T``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from probes import cgroup, procfs
from probes.cgroup import Mount


def is_frozen(pid: int) -> bool:
    """Whether its cgroup or one above is frozen; False where that cannot be told."""
    lines, mounts = cgroup.membership(pid), procfs.read("/proc/self/mountinfo")
    if lines is None or mounts is None:
        return False
    paths = cgroup.parse_membership(lines.decode("utf-8", "replace"))
    return any(
        says_frozen(version, procfs.read(str(place), 1 << 12) or b"")
        for version, place in candidates(
            paths, cgroup.parse_mounts(mounts.decode("utf-8", "replace"))
        )
    )


def candidates(paths: dict[str, str], mounts: Iterable[Mount]) -> list[tuple[int, Path]]:
    """The files that tell of a process's cgroups, each with the version it is of (pure). The groups
    above need not be read: what is frozen there is frozen here, and says so."""
    found = []
    for mount in mounts:
        if mount.version == 2:
            path, name = paths.get(""), "cgroup.events"
        elif "freezer" in mount.controllers:
            path, name = paths.get("freezer"), "freezer.state"
        else:
            continue
        inside = None if path is None else os.path.relpath(path, mount.root)
        if inside is not None and not inside.startswith(".."):
            found.append((mount.version, Path(mount.point) / inside / name))
    return found


def says_frozen(version: int, raw: bytes) -> bool:
    """What such a file says (pure)."""
    words = raw.split()
    if version == 1:
        return words == [b"FROZEN"]
    return (b"frozen", b"1") in zip(words[::2], words[1::2], strict=False)
