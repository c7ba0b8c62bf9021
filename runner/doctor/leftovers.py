"""What earlier runs left: runs that the ledger calls running, processes, cgroups."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from probes import cgroup_control, procfs
from probes.procfs import Stat
from runner import lost, process_tree
from runner.doctor.finding import Finding, Level, ok, warning
from runner.ledger import Ledger, LedgerError
from runner.paths import is_run_id, ledger_path
from runner.process_tree import MARK

_GROUP = "fwi-"
_BOUND_S = 2.0
_LOOK_S = 0.02
_MANY = 1_000_000


@dataclass(frozen=True)
class Facts:
    lost: tuple[str, ...] = ()
    """Runs that are called running while their supervisor is dead."""
    orphans: tuple[tuple[Stat, str], ...] = ()
    """Living processes with the mark of a run of this ledger that is over, and the run."""
    groups: tuple[Path, ...] = ()
    """Empty cgroups of runs that are over."""
    ledger_error: str | None = None


def gather(runs: Path) -> Facts:
    path = ledger_path(runs)
    if not path.exists():
        return Facts()
    try:
        ledger = Ledger(path, reading=True)
        try:
            orphaned = ledger.orphaned()
            states = {row.id: row.state for row in ledger.runs(_MANY)}
        finally:
            ledger.close()
    except LedgerError as error:
        return Facts(ledger_error=str(error))
    over = {run for run, state in states.items() if state != "running"} | set(orphaned)
    orphans = tuple(
        (stat, run) for stat in _own() if (run := _mark(stat.pid)) is not None and run in over
    )
    return Facts(tuple(orphaned), orphans, tuple(_empty_groups(over)))


def _own() -> list[Stat]:
    """Living processes of this user, without this one and those that it runs under."""
    table = procfs.processes()
    above = set()
    pid = os.getpid()
    while pid in table and pid not in above:
        above.add(pid)
        pid = table[pid].ppid
    return [
        stat
        for stat in table.values()
        if stat.pid not in above and not stat.is_dead and procfs.owner(stat.pid) == os.getuid()
    ]


def _mark(pid: int) -> str | None:
    start = f"{MARK}=".encode()
    for entry in (procfs.of_memory(pid, "environ") or b"").split(b"\0"):
        if entry.startswith(start):
            return entry[len(start) :].decode("utf-8", "replace")
    return None


def _empty_groups(over: set[str]) -> list[Path]:
    found = []
    for folder in cgroup_control.own_folders():
        with suppress(OSError):
            for entry in os.scandir(folder):
                run = entry.name.removeprefix(_GROUP)
                if entry.name != run and is_run_id(run) and run in over and _is_empty(entry.path):
                    found.append(Path(entry.path))
    return found


def _is_empty(folder: str) -> bool:
    return all(procfs.read(f"{where}/cgroup.procs") == b"" for where, _, _ in os.walk(folder))


def judge(facts: Facts, runs: Path) -> list[Finding]:
    if facts.ledger_error is not None:
        return [
            warning(
                "ledger",
                f"the ledger cannot be read: {facts.ledger_error}",
                "runs go on, but are not recorded, and earlier ones are not cleaned up",
                "choose another folder: --runs-dir DIR, or move the file away",
            )
        ]
    fix = f"python -m runner doctor --fix --runs-dir {runs}"
    found = []
    for run in facts.lost:
        found.append(
            warning(
                "runs.lost",
                f"run {run} is called running, but its supervisor is dead",
                "what is left of it may hold memory and devices",
                fix,
                fixable=True,
            )
        )
    for stat, run in facts.orphans:
        found.append(
            warning(
                "runs.orphans",
                f"process {stat.pid} ({stat.name}) is left of run {run}, which is over",
                "it holds memory, devices, ports and locks that the next run wants",
                fix,
                fixable=True,
            )
        )
    if facts.groups:
        found.append(
            Finding(
                "cgroups.leftover",
                Level.NOTE,
                f"{len(facts.groups)} empty cgroup(s) of runs that are over: {facts.groups[0]}",
                "each takes a little of the kernel's memory",
                fix,
                fixable=True,
            )
        )
    return found or [ok("runs.lost", "nothing is left of earlier runs")]


def fix(facts: Facts, runs: Path) -> Iterable[str]:
    """Mark lost runs, end what is left of runs that are over, remove their empty cgroups."""
    said: list[str] = []
    if facts.lost:
        lost.sweep(runs, said.append)
    yield from said
    for stat, run in facts.orphans:
        if not procfs.is_alive(stat.identity):
            continue
        process_tree.send(stat.identity, signal.SIGKILL)
        until = time.monotonic() + _BOUND_S
        while procfs.is_alive(stat.identity) and time.monotonic() < until:
            time.sleep(_LOOK_S)
        ended = "could not be ended" if procfs.is_alive(stat.identity) else "was ended"
        yield f"process {stat.pid} ({stat.name}) of run {run} {ended}"
    for group in facts.groups:
        # The sweep of lost runs takes theirs away.
        if not group.is_dir():
            continue
        try:
            for where, _, _ in os.walk(group, topdown=False):
                os.rmdir(where)
            yield f"removed the cgroup {group}"
        except OSError as error:
            yield f"could not remove the cgroup {group}: {error.strerror}"
