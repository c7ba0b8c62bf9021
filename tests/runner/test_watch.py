"""Watching a run from another terminal: what is seen, and that nothing is touched."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from probes import procfs
from runner import supervisors
from runner.paths import ledger_path, run_paths
from runner.report import watching
from runner.report.pace import Pace
from runner.report.watching import Look, Watcher, line
from tests.runner.conftest import Supervised, environment, is_gone, wait_until
from tests.runner.test_pages import PULSING

Start = Callable[..., subprocess.Popen[str]]


@pytest.mark.parametrize(
    ("seen", "rate", "left"),
    [
        ([], None, None),
        ([(0.0, 1)], None, None),
        ([(0.0, 1), (1.0, 5)], None, None),
        ([(0.0, 0), (4.0, 8)], 2.0, 46.0),
        ([(0.0, 5), (10.0, 5)], None, None),
        ([(0.0, 90), (10.0, 0), (20.0, 10)], 1.0, 90.0),
        ([(0.0, 0), (100.0, 10), (150.0, 20), (160.0, 30)], 20 / 60, 210.0),
    ],
    ids=["nothing", "one", "too soon", "steady", "still", "another attempt", "newest minute"],
)
def test_pace_of_what_was_seen(
    seen: list[tuple[float, int]], rate: float | None, left: float | None
) -> None:
    pace = Pace()
    for now, step in seen:
        pace.see(now, step)
    assert pace.per_second() == (None if rate is None else pytest.approx(rate))
    assert pace.left_s(100) == (None if left is None else pytest.approx(left))
    assert pace.left_s(0) is None


def test_a_line_leaves_out_what_is_not_known() -> None:
    look = Look("r", "train", "running", 1, None, None, None, None, None, None, 0)
    assert line(look) == "train"
    held = Look("r", "train", "done", 2, 3.0, None, None, None, None, 2048, 3, {"0": 1 << 30})
    assert line(held) == "train done  attempt 2  host 2.0 KiB (3)  GPU 0 1.0 GiB"


def _folder(runs: Path) -> Path:
    assert wait_until(lambda: runs.exists() and any(path.is_dir() for path in runs.iterdir()))
    [folder] = [path for path in runs.iterdir() if path.is_dir()]
    return folder


def test_watch_follows_a_run_to_its_end_and_ends_as_it_does(start: Start, runs: Path) -> None:
    # Two pipes are read in any order: what is said last comes alone.
    failing = PULSING + "\ntime.sleep(.5); raise SystemExit('something broke')"
    child = start([sys.executable, "-c", failing])
    assert child.stdout is not None
    for _ in range(10):
        child.stdout.readline()
    watched = subprocess.run(
        [sys.executable, "-m", "runner", "watch", _folder(runs).name],
        env=environment(runs), capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert watched.returncode == 3, watched.stderr
    first, *_ = watched.stdout.splitlines()
    assert "step " in first
    assert "/60" in first
    assert "host " in first
    assert "loss " in first
    assert "error.python" in watched.stdout
    assert "something broke" in watched.stdout


def test_watch_on_a_terminal_redraws_and_ctrl_c_leaves_the_run_alone(
    start: Start, runs: Path, tmp_path: Path
) -> None:
    end = tmp_path / "end"
    program = PULSING.replace("range(1, 61)", "range(1, 2001)").replace(
        "import time", "import os, time"
    )
    program += f"    if os.path.exists({str(end)!r}):\n        break\n"
    child = start([sys.executable, "-c", program])
    assert child.stdout is not None
    for _ in range(5):
        child.stdout.readline()
    ours, theirs = pty.openpty()
    watcher = subprocess.Popen(
        [sys.executable, "-m", "runner", "watch"],
        env=environment(runs) | {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"},
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    os.set_blocking(ours, False)
    shown = bytearray()

    def has_seen(words: bytes) -> bool:
        try:
            shown.extend(os.read(ours, 1 << 16))
        except BlockingIOError:
            pass
        except OSError:
            return words in shown
        return words in shown

    try:
        assert wait_until(lambda: has_seen(b"/60"), 30), shown[-2000:]
        assert wait_until(lambda: has_seen(b"forward"), 30)
        assert b"\x1b]" not in shown
        assert b"<script>" in shown
        watcher.send_signal(signal.SIGINT)
        assert wait_until(lambda: has_seen(b"the run goes on"), 30), shown[-2000:]
        assert watcher.wait(30) == 0
    finally:
        watcher.kill()
        watcher.wait()
        os.close(ours)
    end.touch()
    out, _ = child.communicate(timeout=240)
    assert '"outcome": "ok"' in out.splitlines()[-1]


def test_watch_of_a_run_that_is_over_tells_its_end(
    supervise: Callable[..., Supervised], runs: Path
) -> None:
    supervise(["true"])
    watched = subprocess.run(
        [sys.executable, "-m", "runner", "watch", "last"],
        env=environment(runs), capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert (watched.returncode, watched.stderr) == (0, "")
    assert "ok: the job ended well" in watched.stdout


@pytest.mark.parametrize("ledger", [None, bytes(range(256)) * 64], ids=["no ledger", "damaged"])
def test_watch_of_a_lost_run_whose_ledger_is_gone_ends(
    ledger: bytes | None, start: Start, runs: Path, tmp_path: Path
) -> None:
    child = start(["sleep", "1000"])
    folder = _folder(runs)
    assert wait_until(lambda: any(s.ppid == child.pid for s in procfs.processes().values()))
    [job] = [s.pid for s in procfs.processes().values() if s.ppid == child.pid]
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert wait_until(lambda: is_gone(job))
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(folder, elsewhere / folder.name)
    if ledger is not None:
        ledger_path(elsewhere).write_bytes(ledger)
    watched = subprocess.run(
        [sys.executable, "-m", "runner", "watch", folder.name],
        env=environment(elsewhere), capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert (watched.returncode, watched.stderr) == (9, "")
    assert "lost: the supervisor failed, or died and was found later" in watched.stdout


ME = asdict(supervisors.here())


@pytest.mark.parametrize(
    ("supervisor", "states"),
    [
        (ME, ["running"] * 4),
        (ME | {"start_ticks": 1}, ["lost"] * 4),
        (ME | {"place": "pid:[1]", "boot": "another", "host": "another"}, ["running"] * 4),
        (ME | {"pid": "x"}, ["running", "running", "lost", "lost"]),
        (None, ["running", "running", "lost", "lost"]),
    ],
    ids=["lives", "died", "elsewhere", "odd", "not told"],
)
def test_without_a_ledger_the_supervisor_or_the_processes_tell_whether_a_run_goes_on(
    supervisor: Any, states: list[str], runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_LEDGER_S", 0.0)
    paths = run_paths(runs, "20260314-091500-exec-true-7f3a")
    paths.attempt(1).folder.mkdir(parents=True)
    paths.description.write_text(json.dumps({"job": "exec", "supervisor": supervisor}))
    watcher = Watcher(runs, paths)
    assert [watcher.look().state for _ in states] == states
