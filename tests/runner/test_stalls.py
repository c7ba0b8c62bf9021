"""Real stalls under the real supervisor: what it captures and what it makes of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from probes import cgroup_control
from tests.runner.conftest import Supervised, environment, fault, wait_until

Supervise = Callable[..., Supervised]
SOON = ("--watchdog", "1.5", "--grace", "1")


def said(run: Supervised) -> str:
    return "\n".join(fact["text"] for fact in run.result["evidence"])


def stacks(run: Supervised) -> str:
    return (run.folder / "attempt-1" / "stacks.txt").read_text()


def test_both_captures_are_kept_with_states_calls_and_stacks(supervise: Supervise) -> None:
    run = supervise(fault("acquires_a_lock_twice"), *SOON)
    assert run.outcome == "hang.lock"
    text = stacks(run)
    assert "# First capture" in text
    assert "the stacks are the same" in text
    assert "acquires_a_lock_twice.py" in text
    assert not (run.folder / "attempt-1" / "own-stacks.txt").exists()


def test_child_of_a_fork_under_a_lock_is_named(supervise: Supervise) -> None:
    run = supervise(fault("forks_while_a_lock_is_held"), *SOON)
    assert run.outcome == "hang.lock"
    assert f"pid {run.stdout.split()[-1]}): waits for a lock" in said(run)


def test_frozen_cgroup_is_told_from_a_wait(supervise: Supervise) -> None:
    own = [one for one in cgroup_control.own_folders() if (one / "cgroup.controllers").exists()]
    if not own or not os.access(own[0], os.W_OK):
        pytest.skip("no cgroup of version 2 can be made here")
    group = own[0] / f"test-{uuid.uuid4().hex}"
    group.mkdir()
    try:
        run = supervise(fault("freezes_its_cgroup", group), *SOON)
        assert run.outcome == "hang.stopped"
        assert "is frozen with its cgroup" in said(run)
        assert run.result["leaks"]["processes"] == []
    finally:
        assert wait_until(lambda: not (group / "cgroup.procs").read_text())
        group.rmdir()


def test_file_lock_is_named_with_its_holder(supervise: Supervise, tmp_path: Path) -> None:
    file = tmp_path / "a lock"
    run = supervise(fault("waits_for_a_file_lock", "flock", file), *SOON)
    assert run.outcome == "hang.lock"
    assert f"the FLOCK lock on {file}, held by pid {run.stdout.split()[-1]}" in said(run)


LOCKED_TWICE = "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()"
POOL = """
import multiprocessing, os, socket
def read(_):
    ends = socket.socketpair()
    ends[0].recv(1)
with multiprocessing.get_context("fork").Pool(2) as pool:
    pool.map(read, [1])
"""
LOOP = """
import asyncio
async def main():
    lock = asyncio.Lock()
    await lock.acquire()
    await lock.acquire()
asyncio.run(main())
"""

SERVER = """
import multiprocessing, socket, threading
def serve(server):
    lock = threading.Lock()
    client, _ = server.accept()
    with lock, lock:
        client.send(b"1")
server = socket.create_server(("127.0.0.1", 0))
multiprocessing.get_context("fork").Process(target=serve, args=(server,)).start()
name = server.getsockname()
server.close()
socket.create_connection(name).recv(1)
"""


@pytest.mark.parametrize(
    ("job", "outcome", "named"),
    [
        # The other end of its pipe is the shell's and the program's; it only passes on.
        (["bash", "-c", f"exec > >(tee /dev/null) 2>&1; '{sys.executable}' -c '{LOCKED_TWICE}'; :"],
         "hang.lock", "waits for a lock"),
        ([sys.executable, "-c", POOL], "hang.io", "at read (<string>:5)"),
        ([sys.executable, "-c", LOOP], "hang.lock", "its tasks wait for one another"),
        ([sys.executable, "-c", SERVER], "hang.lock", "the other end of its socket is held by"),
    ],
    ids=["tee", "pool", "loop", "server"],
)  # fmt: skip
def test_wait_is_followed_to_its_cause(
    supervise: Supervise, job: list[str], outcome: str, named: str
) -> None:
    run = supervise(job, *SOON)
    assert run.outcome == outcome, said(run)
    assert named in said(run)


def test_program_whose_stacks_move_has_a_second_time_and_ends_well(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    end = tmp_path / "end"
    child = start(fault("works_without_a_word", 60, end), "--watchdog", "3", "--grace", "1")
    assert child.stderr is not None
    said = next((line for line in child.stderr if "slow, not stuck" in line), None)
    assert said is not None
    end.touch()
    assert child.stdout is not None
    result = json.loads(child.stdout.read().splitlines()[-1])
    assert result["outcome"] == "ok", result
    assert any("slow, not stuck" in trouble for trouble in result["troubles"])


def test_second_time_without_progress_is_a_spin(supervise: Supervise) -> None:
    run = supervise(fault("works_without_a_word", 60), *SOON)
    assert run.outcome == "hang.spin"
    assert run.result["timing"]["detected_s"] > 2 * 1.5


def test_strict_gives_no_second_time(supervise: Supervise) -> None:
    run = supervise(fault("works_without_a_word", 60), *SOON, "--strict")
    assert run.outcome == "hang.spin"
    assert not any("slow, not stuck" in trouble for trouble in run.result["troubles"])


NO_MORE_PROCESSES = """
import errno, sys
from runner import helpers, supervisor
from runner.options import Supervision

class Refused:
    def __init__(self, *_):
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

helpers.Helper = Refused
result = supervisor.run(sys.argv[1:], options=Supervision(watchdog=1.5, grace=1.0))
print(result.outcome.value)
"""


def test_stall_is_explained_where_no_debugger_can_be_started(runs: Path) -> None:
    """A machine that is out of processes is where jobs hang."""
    lock = runs.with_name("a lock")
    done = subprocess.run(
        [sys.executable, "-c", NO_MORE_PROCESSES, *fault("waits_for_a_file_lock", "flock", lock)],
        capture_output=True,
        text=True,
        env=environment(runs),
        timeout=240,
    )
    assert done.stdout.splitlines()[-1] == "hang.lock", done.stderr
    [text] = runs.glob("*/attempt-1/stacks.txt")
    assert "py-spy could not be started: Resource temporarily unavailable" in text.read_text()


def test_job_that_forbids_tracing_tells_its_own_stacks(runs: Path) -> None:
    without: list[str] = []
    if os.getuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("setpriv (util-linux) is not installed")
        without = ["setpriv", "--bounding-set", "-sys_ptrace", "--inh-caps", "-sys_ptrace"]
    supervisor = [sys.executable, "-m", "runner", "exec", "--json", *SOON, "--"]
    done = subprocess.run(
        [*without, *supervisor, *fault("forbids_tracing")],
        capture_output=True,
        text=True,
        env=environment(runs),
        stdin=subprocess.DEVNULL,
        timeout=240,
    )
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["outcome"] == "hang.lock", result
    text = (runs / result["run"] / "attempt-1" / "stacks.txt").read_text()
    assert "by faulthandler" in text
    assert "forbids_tracing.py" in text
