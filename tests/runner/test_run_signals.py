"""Signals that the supervisor itself gets: before, while, and after the job runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from probes import procfs
from runner.run_signals import RunSignals
from tests.runner.conftest import environment, fault, wait_until

Start = Callable[..., "subprocess.Popen[str]"]


def children(pid: int, word: str) -> list[int]:
    """Children of a process that have a word in their command line."""
    return [
        stat.pid
        for stat in procfs.processes().values()
        if stat.ppid == pid and word in (procfs.command_line(stat.pid) or "")
    ]


def read_until(child: subprocess.Popen[str], words: str) -> None:
    assert child.stderr is not None
    for line in child.stderr:
        if words in line:
            return
    pytest.fail(f"never said: {words}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_asked_to_end_when_the_job_has_ended_it_still_says_how(
    start: Start, number: signal.Signals
) -> None:
    child = start(["sh", "-c", "sleep 2.5"])
    assert wait_until(lambda: bool(children(child.pid, "runner.report")))
    child.send_signal(number)
    out, said = child.communicate(timeout=60)
    result = json.loads(out.splitlines()[-1])
    assert (result["outcome"], child.returncode) == ("ok", 0)
    assert "Traceback" not in said


def test_asked_twice_while_the_stacks_are_looked_at_it_kills_at_once(start: Start) -> None:
    child = start(fault("ignores_sigterm"), "--watchdog", "2", "--grace", "3600")
    read_until(child, "looking at its threads")
    child.send_signal(signal.SIGINT)
    read_until(child, "asking the job to stop")
    child.send_signal(signal.SIGINT)
    result = json.loads(child.communicate(timeout=120)[0].splitlines()[-1])
    assert (result["outcome"], result["signal"]) == ("interrupted", signal.SIGKILL)
    assert child.returncode == 130


@pytest.mark.parametrize("after_s", [0.0, 0.1, 0.2, 0.4])
def test_asked_to_end_before_the_job_runs_it_ends_without_a_traceback(
    start: Start, after_s: float
) -> None:
    child = start(["sleep", "60"], "--grace", "1")
    # What the interpreter does with it in its first instants is its own; asyncio brings ssl.
    assert wait_until(lambda: b"_ssl" in (procfs.of_memory(child.pid, "maps") or b""))
    time.sleep(after_s)
    child.send_signal(signal.SIGINT)
    out, said = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "Traceback" not in said
    if out:
        assert json.loads(out.splitlines()[-1])["outcome"] == "interrupted"


def test_hang_up_that_is_ignored_stays_ignored(runs: Path) -> None:
    """As nohup has it."""
    child = subprocess.Popen(
        ["nohup", sys.executable, "-m", "runner", "exec", "--json", "--",
         "sh", "-c", "echo ready; sleep 1"],
        env=environment(runs), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    child.send_signal(signal.SIGHUP)
    out, _ = child.communicate(timeout=60)
    assert json.loads(out.splitlines()[-1])["outcome"] == "ok"


_WRITES = """
import os, sys, time
pid = open(sys.argv[1]).read()
pipe = os.open(f"/proc/{pid}/fd/1", os.O_WRONLY)
print("writing", flush=True)
while True:
    os.write(pipe, b"x" * 65535 + b"\\n")
"""


def test_who_goes_on_writing_to_the_jobs_output_holds_nothing_up(
    start: Start, tmp_path: Path
) -> None:
    """A process that is not the job's, and a reader who lets it keep the pipe full."""
    told = tmp_path / "pid"
    child = start(["sh", "-c", 'echo $$ > "$0"; sleep 1.5', str(told)])
    assert wait_until(lambda: told.exists() and told.read_text().strip() != "")
    stranger = subprocess.Popen(
        [sys.executable, "-c", _WRITES, str(told)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert child.stdout is not None
    until = time.monotonic() + 60
    while child.poll() is None and time.monotonic() < until:
        os.read(child.stdout.fileno(), 1 << 16)
        time.sleep(0.01)
    assert child.returncode == 0
    stranger.kill()
    stranger.communicate()


def test_handlers_are_those_of_the_outermost_and_are_given_back() -> None:
    heard: list[int | str] = []
    before = signal.getsignal(signal.SIGUSR1), signal.getsignal(signal.SIGHUP)
    with RunSignals() as outer:
        os.kill(os.getpid(), signal.SIGHUP)
        with RunSignals() as inner:
            assert inner is outer
            inner.hand_to(lambda: heard.append("end"), heard.append)
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGTERM)
        outer.hand_to_nobody()
        os.kill(os.getpid(), signal.SIGTERM)
    assert heard == ["end", signal.SIGUSR1, "end"]
    assert outer.asked == 3
    assert (signal.getsignal(signal.SIGUSR1), signal.getsignal(signal.SIGHUP)) == before


def test_runs_of_other_threads_leave_the_signals_to_the_main_one() -> None:
    heard: list[str] = []

    def run() -> None:
        with RunSignals() as own:
            own.hand_to(lambda: heard.append("other"), print)
            own.hand_to_nobody()

    with RunSignals() as main:
        main.hand_to(lambda: heard.append("main"), print)
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        os.kill(os.getpid(), signal.SIGTERM)
    assert heard == ["main"]
