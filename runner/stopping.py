"""SIGTERM, a grace time, SIGKILL until nothing is left. No wait is without a bound."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from probes import procfs
from probes.procfs import Stat
from runner import process_tree
from runner.process_tree import Exit, Tree

_LOOK = 0.05
_SETTLE = 2.0
"""Seconds in which helpers of a job that ended well (a resource tracker, loader workers) notice
that their parent is gone and end by themselves."""
_KILL = 3.0


@dataclass(frozen=True)
class Leftover:
    """A process that the job left behind."""

    pid: int
    name: str
    command: str
    gone: bool
    """Whether it could be ended; one in uninterruptible sleep cannot."""


async def terminate(
    tree: Tree,
    name: str,
    *,
    root_only: bool,
    grace: float,
    hurried: Callable[[], bool],
) -> Exit | None:
    """Ask the tree, or its first process alone, to end; kill it when the grace time is over.

    A stopped process is continued, so that it can act on what it was sent. Returns how the first
    process ended, None where it could not be ended.
    """
    if root_only:
        process_tree.send(tree.root, signal.SIGTERM)
        process_tree.send(tree.root, signal.SIGCONT)
    else:
        tree.signal(signal.SIGTERM)
        tree.signal(signal.SIGCONT)
    until = time.monotonic() + grace
    ended: Exit | None = None
    while time.monotonic() < until and not hurried():
        ended = ended or process_tree.reap(tree.root.pid, name)
        if ended is not None and (root_only or not tree.scan()):
            return ended
        await asyncio.sleep(_LOOK)
    await kill_all(tree)
    return ended or process_tree.reap(tree.root.pid, name)


async def kill_all(tree: Tree) -> None:
    """SIGKILL until two scans in a row find nothing, or for three seconds: a process that forks
    between a scan and its signal is caught by the next one."""
    until = time.monotonic() + _KILL
    empty = 0
    while empty < 2 and time.monotonic() < until:
        empty = 0 if tree.signal(signal.SIGKILL) else empty + 1
        if not empty:
            await asyncio.sleep(_LOOK / 5)


async def sweep(tree: Tree, grace: float) -> tuple[Leftover, ...]:
    """After the first process has ended: end what it left behind, and say what that was."""
    until = time.monotonic() + _SETTLE
    left = tree.scan(by_mark=True)
    while left and time.monotonic() < until:
        await asyncio.sleep(_LOOK)
        left = tree.scan(by_mark=True)
    if not left:
        return ()
    described = [(stat, _command(stat)) for stat in left]
    tree.signal(signal.SIGTERM)
    tree.signal(signal.SIGCONT)
    until = time.monotonic() + min(grace, _KILL)
    while tree.scan() and time.monotonic() < until:
        await asyncio.sleep(_LOOK)
    await kill_all(tree)
    return tuple(
        Leftover(stat.pid, stat.name, command, gone=not procfs.is_alive(stat.identity))
        for stat, command in described
    )


def _command(stat: Stat) -> str:
    return procfs.command_line(stat.pid) or stat.name
