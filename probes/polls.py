"""What a thread that polls waits for: the descriptors that it named, from its system call's
arguments (``/proc/<pid>/task/<tid>/syscall``), the memory that they point to, and ``fdinfo``."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from probes import _calls, pipes, procfs

_POLLS = ("poll", "ppoll")
_SELECTS = ("select", "pselect6")
_EPOLLS = ("epoll_wait", "epoll_pwait")
_MOST = 1024
_ENTRY = struct.Struct("=ihh")
_FOREVER = 0xFFFFFFFF


@dataclass(frozen=True)
class Polled:
    """Everything that may end the wait of a thread that polls."""

    files: tuple[str, ...] = ()
    """``pipe:[7]``, ``socket:[9]``, ``/dev/pts/2``."""
    processes: tuple[int, ...] = ()
    """Whose end it would be told."""
    has_end: bool = True
    """Whether it waits no longer than some time."""


def polled(pid: int, tid: int, wait: str | None = None) -> Polled | None:
    """What the thread polls; None: it does not, or that may not be told.

    ``wait``: the kernel function that it sleeps in; a poll that a debugger has interrupted goes on
    under another name, with the same arguments.
    """
    raw = procfs.read(f"/proc/{pid}/task/{tid}/syscall", 256)
    words = raw.decode("ascii", "replace").split() if raw else []
    if len(words) < 7 or not words[0].isdigit():
        return None
    name = _calls.name(int(words[0]))
    arguments = [int(word, 16) for word in words[1:7]]
    if name in _EPOLLS:
        found: list[int] | None = _watched(pid, arguments[0])
        has_end = arguments[3] & _FOREVER != _FOREVER
    elif name in _SELECTS:
        found = _selected(pid, arguments)
        has_end = arguments[4] != 0
    elif name in _POLLS or "poll_schedule" in (wait or ""):
        found = _listed(pid, arguments)
        has_end = arguments[2] & _FOREVER != _FOREVER if name != "ppoll" else arguments[2] != 0
    else:
        return None
    if found is None:
        return None
    ends = {descriptor: pipes.awaited_process(pid, descriptor) for descriptor in found}
    names = (pipes.name_of(pid, one) for one, process in ends.items() if process is None)
    return Polled(
        tuple(sorted({name for name in names if name})),
        tuple(sorted({process for process in ends.values() if process is not None})),
        has_end,
    )


def _watched(pid: int, descriptor: int) -> list[int] | None:
    raw = procfs.read(f"/proc/{pid}/fdinfo/{descriptor}", 1 << 16)
    if raw is None:
        return None
    lines = (line.split() for line in raw.splitlines() if line.startswith(b"tfd:"))
    return [int(words[1]) for words in lines if len(words) > 1]


def _listed(pid: int, arguments: list[int]) -> list[int] | None:
    count = arguments[1]
    if not 0 < count <= _MOST:
        return None
    raw = procfs.memory_at(pid, arguments[0], count * _ENTRY.size)
    return [one[0] for one in _ENTRY.iter_unpack(raw) if one[0] >= 0] if raw else None


def _selected(pid: int, arguments: list[int]) -> list[int] | None:
    count = arguments[0]
    if not 0 < count <= _MOST:
        return None
    found: set[int] = set()
    for address in arguments[1:4]:
        # The kernel reads whole words.
        raw = procfs.memory_at(pid, address, (count + 63) // 64 * 8) if address else b""
        if raw is None:
            return None
        bits = int.from_bytes(raw, "little")
        found |= {n for n in range(count) if bits >> n & 1}
    return sorted(found)
