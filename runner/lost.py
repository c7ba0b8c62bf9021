"""Runs whose supervisor died: marked ``lost``, and what is left of them ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

from probes import procfs
from runner import process_tree
from runner.ledger import Ledger, LedgerError
from runner.paths import ledger_path
from runner.process_tree import MARK


def sweep(runs: Path, say: Callable[[str], None]) -> list[str]:
    """Mark every lost run and kill what still carries its mark; the ids of those found.

    Only processes of this user whose environment names the run are touched: the mark is inherited
    from the supervisor alone.
    """
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
            killed = _kill_marked(run)
            ledger.mark_lost(run)
            what = (
                f"; {killed} process(es) of it were still there and were killed" if killed else ""
            )
            say(f"run {run} was lost: its supervisor died{what}")
        return found
    except LedgerError as error:
        say(f"earlier runs were not looked at: {error}")
        return []
    finally:
        ledger.close()


def _kill_marked(run: str) -> int:
    mark = f"{MARK}={run}".encode()
    killed = 0
    for stat in procfs.processes().values():
        if (
            stat.pid != os.getpid()
            and not stat.is_dead
            and procfs.owner(stat.pid) == os.getuid()
            and procfs.has_environment(stat.pid, mark)
        ):
            killed += process_tree.send(stat.identity, signal.SIGKILL)
    return killed
