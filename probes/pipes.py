"""Who holds the other end of a pipe (pipe(7)), from ``/proc/<pid>/fd`` and ``fdinfo``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from probes import procfs

_FILES = 256
_ACCESS = 0o3

Ends = Mapping[str, frozenset[bool]]
"""``pipe:[7]`` → whether it is open for writing, for reading, or both."""


def ends(pid: int) -> Ends:
    """The pipes that a process has open; empty where that may not be told."""
    found: dict[str, set[bool]] = {}
    try:
        names = os.listdir(f"/proc/{pid}/fd")[:_FILES]
    except OSError:
        return {}
    for name in names:
        try:
            target = os.readlink(f"/proc/{pid}/fd/{name}")
        except OSError:
            continue
        if target.startswith("pipe:["):
            flags = _flags(pid, name)
            if flags is not None:
                found.setdefault(target, set()).add(flags & _ACCESS != os.O_RDONLY)
    return {pipe: frozenset(writes) for pipe, writes in found.items()}


def holders(pid: int, writes: bool, others: Mapping[int, Ends], pipe: str | None) -> list[int]:
    """Who of ``others`` holds the ends that the process reads from (pure).

    ``writes``: it writes, so whoever reads is looked for. ``pipe``: the one that it waits on; None:
    any that it has open in that direction.
    """
    own = others.get(pid, {})
    mine = [pipe] if pipe is not None else [name for name, modes in own.items() if writes in modes]
    return sorted(
        other
        for other, held in others.items()
        if other != pid and any((not writes) in held.get(name, frozenset()) for name in mine)
    )


def of(pids: Iterable[int]) -> dict[int, Ends]:
    return {pid: ends(pid) for pid in pids}


def _flags(pid: int, name: str) -> int | None:
    raw = procfs.read(f"/proc/{pid}/fdinfo/{name}", 512) or b""
    for line in raw.splitlines():
        if line.startswith(b"flags:"):
            return int(line.split()[1], 8)
    return None
