"""Runs whose supervisor died: marked ``lost``, and what is left of them ended."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probes import files, procfs
from probes.cgroup_control import Group
from probes.procfs import Stat
from runner import attempt_group, ledger_repair, process_tree
from runner.ledger import STARTING_S, Ledger, LedgerError
from runner.ledger_rows import end_values
from runner.paths import RESERVE, is_run_id, ledger_path, run_paths
from runner.process_tree import MARK

_BOUND = 2.0
_LOOK = 0.01
_LONGEST_RESULT = 1 << 24


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
    ledger = Ledger(path, reading=True)
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
    """Mark every lost run and end what is left of it; the ids of those found.

    A run that came to its end, but could not say so in the ledger, gets it from its result.json.
    """
    path = ledger_path(runs)
    if not path.exists():
        return []
    try:
        ledger = ledger_repair.open_ledger(path, say, STARTING_S)
    except (LedgerError, OSError) as error:
        say(f"earlier runs were not looked at: {error}")
        return []
    try:
        found = []
        for run in ledger.orphaned():
            mended = mend(look_at(run, runs))
            end = _end_of(runs, run)
            _tidy(runs, run)
            if end is not None:
                ledger.take_over(end)
                say(f"run {run} had ended as {end['outcome']}; now the ledger has it too")
                continue
            ledger.mark_lost(run)
            found.append(run)
            say(str(mended))
        for run in ledger.unattended():
            _tidy(runs, run)
        return found
    except LedgerError as error:
        say(f"earlier runs were not looked at: {error}")
        return []
    finally:
        ledger.close()


def _end_of(runs: Path, run: str) -> Mapping[str, Any] | None:
    """What the result.json of a run's last attempt says, where that is the end of the run."""
    try:
        results = list(run_paths(runs, run).folder.glob("attempt-*/result.json"))
        newest = max(results, key=lambda path: int(path.parent.name.rpartition("-")[2]))
        descriptor = os.open(newest, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            if os.fstat(descriptor).st_uid != os.getuid():
                return None
            content = json.loads(file.read(_LONGEST_RESULT))
        of_run, last = content["run"], content["attempts"][-1]
        is_end = of_run == run and last["n"] == len(results) and last["next"] is None
        end_values(content)
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError):
        return None
    return content if is_end else None


def _tidy(runs: Path, run: str) -> None:
    """Remove the halves of files that the supervisor was writing when it died."""
    folder = runs / run
    if not is_run_id(run):
        return
    for pattern in (".*.tmp", "attempt-*/.*.tmp"):
        for left in folder.glob(pattern):
            files.remove_abandoned(left)
    for pattern in (RESERVE, "attempt-*/output.log.new"):
        for left in folder.glob(pattern):
            with suppress(OSError):
                left.unlink()


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
