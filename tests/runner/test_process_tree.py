"""Membership as a table of process tables; signals to real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from probes import procfs
from probes.procfs import Identity, Stat
from runner import process_tree
from tests.runner.conftest import environment

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


def test_descendants_are_of_exactly_these_ancestors() -> None:
    table = {
        s.pid: s for s in (stat(15, 10, 15), stat(16, 15, 15), stat(17, 16, 17), stat(18, 1, 1))
    }
    found = process_tree.descendants(table, [Identity(15, 1), Identity(18, 9)])
    assert {s.pid for s in found} == {16, 17}


def test_number_of_a_session_that_another_process_has_means_another_session() -> None:
    leaders = {20: Identity(20, 1), 21: Identity(21, 1), 22: Identity(22, 1)}
    # The second leader has ended, the third's number was used again.
    table = {s.pid: s for s in (stat(20, 10, 20), stat(30, 1, 21), stat(22, 1, 22, start=9))}
    assert set(process_tree.still_led(table, leaders)) == {20, 21}


def test_what_ran_before_the_job_in_a_session_of_its_own_is_left_alone(runs: Path) -> None:
    """A notebook's kernel has children of its own; their children too, born during the run."""
    told = runs.with_name("pids")
    theirs = f"setsid sh -c 'sleep 1; setsid sleep 77 & echo $! $$ >{told}; exec sleep 78'"
    program = f'{theirs} >/dev/null 2>&1 & exec "$0" -m runner exec --sample 0.1 -- sleep 2'
    done = subprocess.run(
        ["sh", "-c", program, sys.executable],
        env=environment(runs),
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=240,
    )
    pids = [int(word) for word in told.read_text().split()]
    try:
        assert done.returncode == 0, done.stderr
        assert "left behind" not in done.stderr
        assert [procfs.identity(pid) is not None for pid in pids] == [True, True]
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


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


def test_score_is_one_that_nobody_has() -> None:
    first = process_tree.oom_score("a-run", ())
    assert 500 <= first <= 599
    assert process_tree.oom_score("a-run", ()) == first
    taken: set[int] = {first}
    while len(taken) < 100:
        found = process_tree.oom_score("a-run", taken)
        assert 500 <= found <= 599
        assert found not in taken
        taken.add(found)
    assert process_tree.oom_score("a-run", taken) == first
