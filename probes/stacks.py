"""What the threads of a process wait for, from /proc, and the command that takes their stacks.

/proc needs no permission beyond the owner's for states and kernel functions; system calls, kernel
stacks and py-spy need the right to trace. py-spy may hang on a process that cannot be stopped, so
it is named here as a command that the caller runs in a time-boxed child.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from probes import _calls, procfs
from probes.dumps import Stack
from probes.polls import Polled

_THREADS = 256
_KERNEL_FRAMES = 12
_LONGEST_PATH = 256


@dataclass(frozen=True)
class Thread:
    """One thread as the kernel sees it."""

    pid: int
    tid: int
    name: str
    state: str
    """One letter, as in :class:`probes.procfs.Stat`."""
    wait: str | None
    """The kernel function that it sleeps in; None where it runs or that may not be told."""
    call: str | None = None
    """The system call that it is in; None where it runs or that may not be told."""
    file: str | None = None
    """What that call is on: a path, ``pipe:[7]``, ``socket:[9]``."""
    ran_at: float | None = None
    """When it last ran, in milliseconds of the scheduler's clock; None where not told."""
    kernel: tuple[str, ...] = ()
    """Its kernel stack, where that may be read."""


@dataclass(frozen=True)
class Counters:
    """What a process has used so far; None where it may not be told."""

    wanted_cpu_s: float | None
    io_bytes: int | None
    """Read and written, to files, pipes and sockets; of children that it waited for as well."""
    children_cpu_s: float | None = None
    """Of its children that have ended and were waited for."""


@dataclass(frozen=True)
class ProcessPicture:
    """One process at one moment."""

    pid: int
    name: str
    parent: int
    command: str
    threads: tuple[Thread, ...]
    """The main thread first."""
    stacks: tuple[Stack, ...] = ()
    """The main thread first; empty where none could be taken."""
    share: float | None = None
    """Of a core, used or waited for in the time between the captures."""
    io_bytes: int = 0
    """Moved in that time."""
    children_share: float | None = None
    """Of a core, used by children that ended in that time."""
    rank: int | None = None
    world: int | None = None
    is_frozen: bool = False
    """With its cgroup."""
    lock: str | None = None
    """The lock on a file that it waits for: which, and who holds it."""
    contended: str | None = None
    """A file that it has open and that another process has locked, for a lock that is asked for
    again and again."""
    partner: str | None = None
    """Who holds the other end of the pipe that it waits on."""
    partners: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Thread → processes that hold the other end of what it waits on."""
    polled: Polled | None = None
    """What the main thread polls."""
    own_ends: int = 0
    """How many of the sockets that it polls have their other end in the same process."""
    alternates: bool = False
    """Whether one capture met it asleep and the other in input or output."""


def threads(pid: int) -> tuple[Thread, ...]:
    """The threads of a process, the main thread first."""
    found = []
    for tid in procfs.tasks(pid)[:_THREADS]:
        lines = (line.split(":", 1) for line in procfs.status_lines(pid, tid) if ":" in line)
        fields = dict(lines)
        if fields:
            call, file = _call(pid, tid)
            found.append(
                Thread(
                    pid=pid,
                    tid=tid,
                    name=fields.get("Name", "?").strip(),
                    state=fields.get("State", "?").strip()[:1],
                    wait=procfs.wait_channel(pid, tid),
                    call=call,
                    file=file,
                    ran_at=_ran_at(pid, tid),
                    kernel=_kernel_stack(pid, tid),
                )
            )
    return tuple(sorted(found, key=lambda thread: thread.tid != pid))


def counters(pid: int) -> Counters:
    raw = procfs.read(f"/proc/{pid}/io", 1024)
    moved = None
    if raw:
        fields = dict(line.split(b":", 1) for line in raw.splitlines() if b":" in line)
        moved = int(fields.get(b"rchar", b"0")) + int(fields.get(b"wchar", b"0"))
    stat = procfs.stat(pid)
    return Counters(procfs.wanted_cpu_s(pid), moved, stat.children_cpu_s if stat else None)


def rank_and_world(pid: int) -> tuple[int | None, int | None]:
    """``RANK`` and ``WORLD_SIZE`` of the environment that the process was started with."""
    raw = procfs.of_memory(pid, "environ") or b""
    found = dict(entry.split(b"=", 1) for entry in raw.split(b"\0") if b"=" in entry)
    numbers = (found.get(name, b"").decode("ascii", "replace") for name in (b"RANK", b"WORLD_SIZE"))
    rank, world = (int(text) if text.isascii() and text.isdigit() else None for text in numbers)
    return rank, world


def _call(pid: int, tid: int) -> tuple[str | None, str | None]:
    raw = procfs.read(f"/proc/{pid}/task/{tid}/syscall", 256)
    words = raw.decode("ascii", "replace").split() if raw else []
    if not words or not words[0].isdigit():
        return None, None
    name = _calls.name(int(words[0]))
    if name in _calls.ON_A_PATH and len(words) > 2:
        return name, _path(pid, words[1 + _calls.ON_A_PATH[name]])
    if name not in _calls.ON_A_FILE or len(words) < 2:
        return name, None
    try:
        return name, os.readlink(f"/proc/{pid}/fd/{int(words[1], 16)}")
    except (OSError, ValueError):
        return name, None


def _path(pid: int, word: str) -> str | None:
    """The name that a call was given, from the memory of its process; None: not to be read."""
    try:
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            memory.seek(int(word, 16))
            raw = memory.read(_LONGEST_PATH)
    except (OSError, ValueError, OverflowError):
        return None
    text = raw.partition(b"\0")[0].decode("utf-8", "replace")
    return text if text.isprintable() and text else None


def _ran_at(pid: int, tid: int) -> float | None:
    raw = procfs.read(f"/proc/{pid}/task/{tid}/sched", 4096) or b""
    for line in raw.splitlines():
        if line.startswith(b"se.exec_start"):
            try:
                return float(line.rpartition(b":")[2])
            except ValueError:
                return None
    return None


def _kernel_stack(pid: int, tid: int) -> tuple[str, ...]:
    raw = procfs.read(f"/proc/{pid}/task/{tid}/stack", 4096) or b""
    lines = raw.decode("ascii", "replace").splitlines()[:_KERNEL_FRAMES]
    return tuple(line.rpartition("] ")[2].partition("+")[0] for line in lines)


def table(found: Iterable[Thread]) -> str:
    """The threads as text, one a line."""
    lines = ["pid      thread   state  call             waits in                  name"]
    for thread in found:
        on = f"  on {thread.file}" if thread.file else ""
        lines.append(
            f"{thread.pid:<8} {thread.tid:<8} {thread.state:<6} {thread.call or '-':<16} "
            f"{thread.wait or '-':<25} {thread.name}{on}"
        )
        if thread.kernel and thread.state == "D":
            lines.append(f"{'':18}kernel: {' < '.join(thread.kernel)}")
    return "\n".join(lines) + "\n"


def py_spy(pid: int, *, native: bool, pause: bool = True) -> list[str] | None:
    """The command that prints the Python stacks of a process; None where py-spy is not there.

    ``native`` frames can be had of a process that is paused only. Pausing ends a system call early.
    """
    beside = Path(sys.executable).with_name("py-spy")
    program = str(beside) if beside.exists() else shutil.which("py-spy")
    if program is None:
        return None
    how = ["--native"] if native else [] if pause else ["--nonblocking"]
    return [program, "dump", "--pid", str(pid), *how]
