"""Runs whose supervisor died: marked ``lost``, and what is left of them ended."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from probes import procfs
from probes.cgroup_control import Group
from probes.procfs import Stat
from runner import attempt_group, process_tree
from runner.ledger import Ledger, LedgerError
from runner.paths import is_run_id, ledger_path
from runner.process_tree import MARK

_BOUND = 2.0
_LOOK = 0.01


@dataclass(frozen=True)
class LostRun:
    """A run that the ledger calls running while its supervisor does not live, and what is left."""

    run: str
    processes: tuple[Stat, ...] = ()
    """Those that carry the run's mark, or are in its cgroup."""
    groups: tuple[Group, ...] = ()
    """Its cgroups that still exist."""
    shm: tuple[str, ...] = ()
    """Names in /dev/shm that living processes of it hold, and nobody else."""


@dataclass(frozen=True)
class Mended:
    """What became of a lost run."""

    run: str
    killed: int
    left: tuple[Stat, ...]
    """Processes that could not be ended."""
    groups_left: tuple[str, ...]
    shm_removed: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = f"run {self.run} was lost: its supervisor died"
        if self.killed:
            text += f"; {self.killed} process(es) of it were still there and were killed"
        if self.shm_removed:
            text += f"; removed from /dev/shm: {', '.join(self.shm_removed)}"
        for stat in self.left:
            text += f"; process {stat.pid} ({stat.name}) could not be ended"
        for folder in self.groups_left:
            text += f"; its cgroup {folder} could not be removed"
        return text


def find(runs: Path) -> list[LostRun]:
    """Every lost run of a folder of runs; nothing is changed. Raises LedgerError."""
    path = ledger_path(runs)
    if not path.exists():
        return []
    ledger = Ledger(path)
    try:
        return [look_at(run, runs) for run in ledger.orphaned()]
    finally:
        ledger.close()


def look_at(run: str, runs: Path) -> LostRun:
    """What is left of a run, whatever the ledger says of it."""
    if not is_run_id(run):
        return LostRun(run)
    groups = tuple(attempt_group.left_by(run, runs / run))
    return LostRun(run, tuple(_processes(run, groups)), groups)


def mend(lost: LostRun) -> Mended:
    """End what is left of a lost run, for two seconds at most, and remove its cgroups.

    Only what is provably of the run is touched: the mark is inherited from its supervisor alone,
    and nothing but the job was put into its cgroup.
    """
    until = time.monotonic() + _BOUND
    killed: set[tuple[int, int]] = set()
    while True:
        for group in lost.groups:
            group.freeze(True)
        left = _processes(lost.run, lost.groups)
        for stat in left:
            if process_tree.send(stat.identity, signal.SIGKILL):
                killed.add((stat.pid, stat.start_ticks))
        for group in lost.groups:
            # The supervisor may have died while it held them still.
            group.freeze(False)
        removed = [group.remove() for group in lost.groups]
        if (not left and all(removed)) or time.monotonic() >= until:
            break
        time.sleep(_LOOK)
    return Mended(
        lost.run,
        len(killed),
        tuple(left),
        tuple(str(group.folder) for group in lost.groups if group.exists()),
    )


def sweep(runs: Path, say: Callable[[str], None]) -> list[str]:
    """Mark every lost run and end what is left of it; the ids of those found."""
    path = ledger_path(runs)
    if not path.exists():
        return []
    try:
        ledger = Ledger(path)
    except LedgerError as error:
        say(f"earlier runs were not looked at: {error}")
        return []
    try:
        found = ledger.orphaned()
        for run in found:
            mended = mend(look_at(run, runs))
            ledger.mark_lost(run)
            say(str(mended))
        return found
    except LedgerError as error:
        say(f"earlier runs were not looked at: {error}")
        return []
    finally:
        ledger.close()


def _processes(run: str, groups: Sequence[Group]) -> list[Stat]:
    mark = f"{MARK}={run}".encode()
    table = procfs.processes()
    # After the table: see Tree.
    grouped = {pid for group in groups for pid in group.pids()}
    return [
        stat
        for stat in table.values()
        if stat.pid != os.getpid()
        and not stat.is_dead
        and (
            stat.pid in grouped
            or (procfs.owner(stat.pid) == os.getuid() and procfs.has_environment(stat.pid, mark))
        )
    ]
