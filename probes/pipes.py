"""Who holds the other end of a pipe (pipe(7)), a unix socket or a terminal (pty(7)), from
``/proc/<pid>/fd`` and ``fdinfo``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from probes import procfs

_FILES = 256
_ACCESS = 0o3
_MASTERS = ("/dev/ptmx", "/dev/pts/ptmx")
_MASTER, _SLAVE = "ptmx:[", "/dev/pts/"

Ends = Mapping[str, frozenset[bool]]
"""``pipe:[7]`` → whether it is open for writing, for reading, or both. Also ``socket:[8]``; and of
the third terminal, ``/dev/pts/3`` and its other end ``ptmx:[3]``."""


def ends(pid: int) -> Ends:
    """What a process has open that has two ends; empty where that may not be told."""
    found: dict[str, set[bool]] = {}
    try:
        names = os.listdir(f"/proc/{pid}/fd")[:_FILES]
    except OSError:
        return {}
    for name in names:
        target = name_of(pid, name)
        if target is None:
            continue
        if target.startswith("pipe:["):
            flags = _field(pid, name, b"flags:", 8)
            if flags is not None:
                found.setdefault(target, set()).add(flags & _ACCESS != os.O_RDONLY)
        elif target.startswith(("socket:[", _MASTER, _SLAVE)):
            found[target] = {False, True}
    return {pipe: frozenset(writes) for pipe, writes in found.items()}


def name_of(pid: int, descriptor: str | int) -> str | None:
    """What a descriptor is on: as ``/proc`` has it, but every master of a terminal has a name of
    its own; None: it is not open, or that may not be told."""
    try:
        target = os.readlink(f"/proc/{pid}/fd/{descriptor}")
    except OSError:
        return None
    if target not in _MASTERS:
        return target
    index = _field(pid, descriptor, b"tty-index:", 10)
    return f"{_MASTER}{index}]" if index is not None else target


def awaited_process(pid: int, descriptor: int) -> int | None:
    """The process whose end a descriptor tells (pidfd_open(2)); None: it is none of that kind."""
    return _field(pid, descriptor, b"Pid:", 10)


def holders(
    pid: int,
    writes: bool,
    others: Mapping[int, Ends],
    pipe: str | None,
    peers: Mapping[str, str] | None = None,
) -> list[int]:
    """Who of ``others`` holds the ends that the process reads from (pure).

    ``writes``: it writes, so whoever reads is looked for. ``pipe``: the one that it waits on; None:
    any pipe that it has open in that direction. ``peers``: the other ends of sockets.
    """
    own = others.get(pid, {})
    if pipe in _MASTERS:
        mine = [name for name in own if name.startswith(_MASTER)]
    elif pipe is not None:
        mine = [pipe]
    else:
        mine = [n for n, modes in own.items() if writes in modes and n.startswith("pipe:[")]
    return sorted(
        other
        for other, held in others.items()
        if other != pid
        and any((not writes) in held.get(_other_end(name, peers), frozenset()) for name in mine)
    )


def _other_end(name: str, peers: Mapping[str, str] | None) -> str:
    if name.startswith(_MASTER):
        return _SLAVE + name[len(_MASTER) : -1]
    if name.startswith(_SLAVE):
        return f"{_MASTER}{name[len(_SLAVE) :]}]"
    if name.startswith("socket:["):
        return (peers or {}).get(name, "")
    return name


def of(pids: Iterable[int]) -> dict[int, Ends]:
    return {pid: ends(pid) for pid in pids}


def _field(pid: int, descriptor: str | int, field: bytes, base: int) -> int | None:
    raw = procfs.read(f"/proc/{pid}/fdinfo/{descriptor}", 512) or b""
    for line in raw.splitlines():
        if line.startswith(field):
            return int(line.split()[1], base)
    return None
