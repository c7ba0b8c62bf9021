"""Who has which file open or mapped, which a file's name alone cannot prove."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from probes import procfs

_MOST = 64 << 20
"""Bytes of one process's list of mappings."""


@dataclass(frozen=True)
class OpenFiles:
    """Files that processes have open."""

    holders: dict[str, tuple[int, ...]]
    """Pids by the path that the kernel names, such as ``/dev/nvidia0``."""
    unseen: tuple[int, ...]
    """Processes of this user whose files may not be looked at: nothing is provably unused then."""


def scan() -> OpenFiles:
    """Every process that may be looked at. Raises OSError where /proc is not there."""
    holders: dict[str, set[int]] = {}
    unseen = []
    for pid in procfs.pids():
        folder = f"/proc/{pid}/fd"
        try:
            names = os.listdir(folder)
        except PermissionError:
            if procfs.owner(pid) == os.getuid():
                unseen.append(pid)
            continue
        except OSError:
            continue
        for name in names:
            try:
                path = os.readlink(f"{folder}/{name}")
            except OSError:
                continue
            holders.setdefault(path, set()).add(pid)
    found = {path: tuple(sorted(pids)) for path, pids in holders.items()}
    return OpenFiles(found, tuple(unseen))


def mapped(paths: Iterable[str]) -> set[str] | None:
    """Those of the files that a process has mapped; None where one of this user's is not seen."""
    wanted = {os.fsencode(path): path for path in paths}
    found: set[str] = set()
    for pid in procfs.pids():
        raw = procfs.of_memory(pid, "maps", _MOST)
        if raw is None:
            if procfs.owner(pid) == os.getuid():
                return None
            # It ended meanwhile and maps nothing any more, or is another user's.
            continue
        found |= {path for name, path in wanted.items() if name in raw}
    return found
