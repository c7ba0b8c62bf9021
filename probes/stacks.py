"""What the threads of a process tree wait for, from /proc, and their stacks, from py-spy.

/proc needs no permission beyond the owner's; py-spy needs ptrace and may hang on a process that
cannot be stopped, so it is named here as a command that the caller runs in a time-boxed child.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from probes import procfs
from probes.procfs import Stat


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


def threads(members: Iterable[Stat]) -> list[Thread]:
    """Every thread of the given processes, each process's main thread first."""
    found = []
    for member in members:
        for tid in procfs.tasks(member.pid):
            fields = dict(
                line.split(":", 1) for line in procfs.status_lines(member.pid, tid) if ":" in line
            )
            if fields:
                found.append(
                    Thread(
                        pid=member.pid,
                        tid=tid,
                        name=fields.get("Name", "?").strip(),
                        state=fields.get("State", "?").strip()[:1],
                        wait=procfs.wait_channel(member.pid, tid),
                    )
                )
    return found


def table(found: Iterable[Thread]) -> str:
    """The threads as text, one a line."""
    lines = ["pid      thread   state  waits in                  name"]
    lines += [
        f"{thread.pid:<8} {thread.tid:<8} {thread.state:<6} {thread.wait or '-':<25} {thread.name}"
        for thread in found
    ]
    return "\n".join(lines) + "\n"


def py_spy(pid: int, *, native: bool) -> list[str] | None:
    """The command that prints the Python stacks of a process; None where py-spy is not there."""
    beside = Path(sys.executable).with_name("py-spy")
    program = str(beside) if beside.exists() else shutil.which("py-spy")
    if program is None:
        return None
    return [program, "dump", "--pid", str(pid), *(["--native"] if native else [])]
