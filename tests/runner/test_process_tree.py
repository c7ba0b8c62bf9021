"""Membership as a table of process tables; signals to real processes."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from probes import procfs
from probes.procfs import Identity, Stat
from runner import process_tree

SUPERVISOR, ROOT = 10, 20


def stat(pid: int, ppid: int, session: int, start: int = 1) -> Stat:
    return Stat(pid, f"p{pid}", "S", ppid, session, 0.0, start, 0)


def members(*stats: Stat, known: set[Identity] | None = None) -> set[int]:
    table = {s.pid: s for s in (stat(SUPERVISOR, 1, SUPERVISOR), *stats)}
    return set(
        process_tree.members(
            table,
            known=known or {Identity(ROOT, 1)},
            sessions={ROOT},
            supervisor=SUPERVISOR,
            bystanders={Identity(15, 1)},
        )
    )


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ([stat(20, 10, 20)], {20}),
        ([stat(20, 10, 20), stat(21, 20, 20), stat(22, 21, 22)], {20, 21, 22}),
        # The supervisor's own probe is a child of the supervisor and no member, nor its children.
        ([stat(20, 10, 20), stat(15, 10, 15), stat(16, 15, 15)], {20}),
        # An orphan that made a session of its own came to the supervisor.
        ([stat(30, 10, 30), stat(31, 30, 30)], {30, 31}),
        # A child that the supervisor's process started for itself shares its session.
        ([stat(20, 10, 20), stat(17, 10, SUPERVISOR)], {20}),
        # Reparented to init, but in the session that the job led.
        ([stat(40, 1, 20)], {40}),
        # Strangers.
        ([stat(20, 10, 20), stat(50, 1, 50), stat(51, 50, 50)], {20}),
        # The pid was used again: another start time is another process.
        ([stat(20, 1, 1, start=9)], set()),
    ],
)
def test_members(table: list[Stat], expected: set[int]) -> None:
    assert members(*table) == expected


def test_member_that_was_known_stays_one_after_its_parent_died() -> None:
    assert members(stat(60, 1, 60), known={Identity(60, 1)}) == {60}


def test_signal_reaches_only_the_process_of_that_start_time() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        who = procfs.identity(child.pid)
        assert who is not None
        earlier = Identity(who.pid, who.start_ticks - 1)
        assert process_tree.send(earlier, signal.SIGKILL) is False
        assert child.poll() is None
        assert process_tree.send(who, signal.SIGKILL) is True
        assert child.wait(10) == -signal.SIGKILL
        assert process_tree.send(who, signal.SIGKILL) is False
    finally:
        child.kill()
        child.wait()


def test_exit_tells_code_or_signal() -> None:
    child = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    while (ended := process_tree.reap(child.pid, "python")) is None:
        pass
    child.returncode = 3
    assert (ended.code, ended.signal) == (3, None)
    assert process_tree.reap(child.pid, "python") is None
