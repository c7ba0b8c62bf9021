"""SIGTERM, a grace time, SIGKILL until nothing is left. No wait is without a bound."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from probes import procfs
from probes.procfs import Identity, Stat
from runner import process_tree
from runner.process_tree import Exit, Tree

_LOOK = 0.05
_SETTLE = 2.0
"""Seconds in which helpers of a job that ended well (a resource tracker, loader workers) notice
that their parent is gone and end by themselves."""
_KILL = 3.0
_GROUP = 1.0
_GROUP_LOOKS = 20
_DESCRIBED = 256


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

    A stopped process is continued, so that it can act on what it was sent. Where the first process
    ends without the others, as a shell does, they are asked too, and have what is left of the grace
    time. Returns how the first process ended, None where it could not be ended.
    """
    if root_only:
        tree.send(tree.root, signal.SIGTERM, "asked to end")
        tree.signal(signal.SIGCONT, "it was stopped", lambda s: s.pid == tree.root.pid and _held(s))
    else:
        _ask(tree, "asked to end")
    until = time.monotonic() + grace
    ended: Exit | None = None
    while time.monotonic() < until and not hurried():
        ended = ended or process_tree.reap(tree.root.pid, name)
        if ended is not None and not tree.scan():
            return ended
        if ended is not None and root_only:
            root_only = False
            await asyncio.sleep(_LOOK)  # helpers notice by themselves that their parent is gone
            _ask(tree, "asked to end")
        await asyncio.sleep(_LOOK)
    await kill_all(tree)
    return ended or process_tree.reap(tree.root.pid, name)


def _ask(tree: Tree, why: str) -> None:
    tree.signal(signal.SIGTERM, why)
    tree.signal(signal.SIGCONT, "it was stopped", _held)


def _held(stat: Stat) -> bool:
    return stat.state == "T"


async def kill_all(tree: Tree) -> None:
    """SIGKILL until two looks in a row find nothing, or for three seconds: a process that forks
    between a look and its signal is caught by the next one, or held still meanwhile by the cgroup.

    What is left then sleeps uninterruptibly: it is remembered, and not waited for again.
    """
    until = time.monotonic() + _KILL
    empty = 0
    while empty < 2:
        left = [who for who in _kill(tree) if who not in tree.given_up]
        empty = 0 if left else empty + 1
        if empty < 2:
            await asyncio.sleep(_LOOK / 5)
        if time.monotonic() >= until:
            tree.given_up |= {stat.identity for stat in tree.scan()}
            break


def _kill(tree: Tree) -> list[Identity]:
    group = tree.group
    if group is None or os.getpid() in group.pids():
        return tree.signal(signal.SIGKILL, "killed")
    group.freeze(True)
    try:
        reached = tree.signal(signal.SIGKILL, "killed")
        group.kill()
        return reached
    finally:
        group.freeze(False)


async def remove_group(tree: Tree) -> str | None:
    """The folder of the attempt's cgroup where it could not be removed: something lives in it.

    A process that has just ended may hold its group for a moment, which is waited for.
    """
    if tree.group is None:
        return None
    until = time.monotonic() + (0.0 if tree.given_up else _GROUP)
    while not tree.group.remove():
        if time.monotonic() >= until:
            return str(tree.group.folder)
        tree.scan()
        await asyncio.sleep(_LOOK / 5)
    return None


async def sweep(tree: Tree, grace: float) -> tuple[Leftover, ...]:
    """After the first process has ended: end what it left behind, and say what that was."""
    until = time.monotonic() + _SETTLE
    described: dict[Identity, tuple[Stat, str]] = {}
    while _still_there(tree, described, by_mark=True) and time.monotonic() < until:
        described.clear()
        await asyncio.sleep(_LOOK)
    if not described:
        return ()
    _ask(tree, "left behind")
    until = time.monotonic() + min(grace, _KILL)
    while _still_there(tree, described) and time.monotonic() < until:
        await asyncio.sleep(_LOOK)
    await kill_all(tree)
    return tuple(
        Leftover(stat.pid, stat.name, command, gone=not procfs.is_alive(stat.identity))
        for stat, command in list(described.values())[:_DESCRIBED]
    )


def _still_there(
    tree: Tree, described: dict[Identity, tuple[Stat, str]], *, by_mark: bool = False
) -> bool:
    """Whether anything is left, which is described. A process that forks and ends between two
    looks may be seen by neither: then its group tells that somebody is there."""
    for _ in range(_GROUP_LOOKS):
        left = tree.scan(by_mark=by_mark)
        for stat in left:
            if stat.identity not in described and len(described) < _DESCRIBED:
                described[stat.identity] = stat, _command(stat)
        if left or tree.group is None or not tree.group.pids():
            return bool(left)
    return True


def _command(stat: Stat) -> str:
    return procfs.command_line(stat.pid) or stat.name
