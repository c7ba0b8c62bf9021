"""The ledger when its writers are killed, crowd each other, or have no space."""

from __future__ import annotations

import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.ledger import Ledger
from tests.runner.conftest import ROOT, Supervised, environment

pytestmark = pytest.mark.long

_MOUNTS = (
    "no mount namespace can be made here"
    if not shutil.which("unshare")
    or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode
    else ""
)
_EXEC = [sys.executable, "-m", "runner", "exec", "--json", "--sample", "0.1"]


def _states(runs: Path) -> dict[str, str]:
    ledger = Ledger(runs / "ledger.db", reading=True)
    try:
        assert ledger.is_sound()
        return {row.id: row.state for row in ledger.runs(1000)}
    finally:
        ledger.close()


def test_supervisor_killed_at_any_instant_leaves_a_sound_ledger_and_no_half_file(
    runs: Path, supervise: Callable[..., Supervised]
) -> None:
    began = time.monotonic()
    first = supervise(["true"])
    whole_s = time.monotonic() - began
    chance = random.Random(7)
    for _ in range(24):
        child = subprocess.Popen(
            [*_EXEC, "--", "sh", "-c", "echo begun; sleep 0.2"],
            env=environment(runs),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(0.2, 1.3) * whole_s)
        child.kill()
        child.wait()
        states = _states(runs)
        assert states[first.result["run"]] == "done"
    last = supervise(["true"])
    states = _states(runs)
    assert states[last.result["run"]] == "done"
    assert set(states.values()) <= {"done", "lost"}
    assert len(states) > 2
    for written in runs.glob("*/**/*.json"):
        json.loads(written.read_text())
    in_ledger = [run for run in runs.glob("*-exec-*") if run.name in states]
    halves = [half for run in in_ledger for half in run.rglob(".*")]
    assert halves == []


def test_half_of_a_page_of_a_run_that_had_its_end_is_removed_by_the_next_start(
    supervise: Callable[..., Supervised],
) -> None:
    """Killed while the report was made: the run has its end in the ledger by then."""
    first = supervise(["true"])
    half = first.folder / ".report.html.abcdefgh.tmp"
    half.write_text("<html>")
    supervise(["true"])
    assert not half.exists()
    assert (first.folder / "report.html").exists()


KILLED_INSIDE = """
import os, sqlite3, sys
from pathlib import Path
from runner import ledger_schema
from runner.ledger import Event, Ledger

path, what, left = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def count(statement):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), 9)

class Watched(sqlite3.Connection):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        if what == "opening":
            self.set_trace_callback(count)

connect = sqlite3.connect
sqlite3.connect = lambda *a, **k: connect(*a, **k, factory=Watched)
ledger = Ledger(path)
if what == "writing":
    ledger._database.set_trace_callback(count)
with ledger.writing():
    ledger.begin("20260101-000000-exec-new-0000", "exec", "new", ["new"], "2026-01-01T00:00:00Z")
    for n in range(5):
        ledger.event("20260101-000000-exec-new-0000", Event(1, n, "note", "x" * 5000))
"""


@pytest.mark.parametrize("what", ["opening", "writing"])
def test_writer_killed_between_two_statements_leaves_all_of_it_or_nothing(
    tmp_path: Path, what: str
) -> None:
    from tests.runner.test_ledger import SCHEMA_1

    whole = 0
    for left in range(0, 60, 3 if what == "opening" else 1):
        path = tmp_path / f"{left}.db"
        database = sqlite3.connect(path)
        database.executescript(SCHEMA_1)
        database.close()
        done = subprocess.run(
            [sys.executable, "-c", KILLED_INSIDE, str(path), what, str(left)], cwd=ROOT
        )
        version = sqlite3.connect(path).execute("PRAGMA user_version").fetchone()[0]
        assert version in (1, 2)
        ledger = Ledger(path)
        assert ledger.is_sound()
        rows = {row.id for row in ledger.runs()}
        events = ledger.events("20260101-000000-exec-new-0000")
        ledger.close()
        assert {"20260101-000000-exec-x-0000", "20260101-000001-exec-y-0000"} <= rows
        assert (len(rows), len(events)) in ((2, 0), (3, 5))
        if done.returncode == 0:
            whole += 1
            break
        assert done.returncode == -signal.SIGKILL
    assert whole == 1, "every statement was reached"


def test_eight_supervisors_at_once_record_all_their_runs(runs: Path) -> None:
    command = [*_EXEC, "--", "sh", "-c", "sleep 0.3"]
    started = [
        subprocess.Popen(
            command,
            env=environment(runs),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    results = []
    for child in started:
        out, err = child.communicate(timeout=240)
        assert child.returncode == 0, err
        results.append(json.loads(out.splitlines()[-1]))
    assert [result["troubles"] for result in results] == [[]] * 8
    assert _states(runs) == {result["run"]: "done" for result in results}


HOLDER = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(runs: Path, supervise: Callable[..., Supervised]) -> subprocess.Popen[str]:
    """Somebody who keeps the ledger locked until its standard input is closed."""
    supervise(["true"])
    held = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(runs / "ledger.db")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert held.stdout is not None
    assert held.stdout.readline() == "held\n"
    return held


def test_ledger_that_is_locked_until_the_job_has_ended_gets_everything_then(
    runs: Path, holder: subprocess.Popen[str]
) -> None:
    child = subprocess.Popen(
        [*_EXEC, "--", "sleep", "3"],
        env=environment(runs),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # A second each is waited before the job: for the sweep of lost runs, and for its own row.
    time.sleep(6)
    holder.communicate()
    out, err = child.communicate(timeout=240)
    result = json.loads(out.splitlines()[-1])
    assert (child.returncode, result["outcome"], result["troubles"]) == (0, "ok", []), err
    database = sqlite3.connect(runs / "ledger.db")
    [(state, samples)] = database.execute(
        "SELECT state, (SELECT count(*) FROM sample WHERE run=id) FROM run WHERE id=?",
        (result["run"],),
    ).fetchall()
    assert state == "done"
    assert samples > 5


def test_ledger_that_stays_locked_costs_the_record_and_not_the_run(
    runs: Path, holder: subprocess.Popen[str], supervise: Callable[..., Supervised]
) -> None:
    run = supervise(["sh", "-c", "exit 3"])
    holder.communicate()
    assert (run.outcome, run.result["exit_code"]) == ("error.python", 3)
    [trouble] = run.result["troubles"]
    assert "is not in the ledger" in trouble
    assert trouble in run.stderr
    assert run.result["run"] not in _states(runs)


def _in_a_namespace(runs: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    if _MOUNTS:
        pytest.skip(_MOUNTS)
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", str(runs), sys.executable, *arguments],
        env=environment(runs),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=240,
    )


def test_disk_that_is_full_for_a_while_loses_nothing_of_the_record(
    runs: Path, supervise: Callable[..., Supervised]
) -> None:
    runs.mkdir()
    job = (
        "import os, sys, time\n"
        "time.sleep(0.5)\n"
        "ballast = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)\n"
        "try:\n"
        "    while True: os.write(ballast, bytes(4096))\n"
        "except OSError as error: print(error.errno, flush=True)\n"
        "time.sleep(11)\n"  # a transaction every ten seconds
        "os.unlink(sys.argv[1])\n"
        "time.sleep(2)\n"
    )
    done = _in_a_namespace(
        runs,
        'mount -t tmpfs -o size=4m none "$1" && "$2" -m runner exec --json --sample 0.1 --'
        ' "$2" -c "$3" "$1/ballast"; status=$?;'
        ' cp -r "$1" "$1.kept"; exit $status',
        job,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert "28" in done.stdout.splitlines()
    assert "the ledger can be written again: what waited is recorded" in done.stderr
    assert result["troubles"] == []
    assert _states(Path(f"{runs}.kept")) == {result["run"]: "done"}


def test_ledger_on_a_full_disk_costs_the_record_and_not_the_run(runs: Path) -> None:
    runs.mkdir()
    job = (
        "import sys\n"
        "try:\n"
        "    with open(sys.argv[1], 'wb') as file:\n"
        "        while True: file.write(bytes(4096)); file.flush()\n"
        "except OSError: pass\n"
        "sys.exit(5)\n"
    )
    done = _in_a_namespace(
        runs,
        'mount -t tmpfs -o size=600k none "$1" && "$2" -m runner exec --json --exit-passthrough --'
        ' "$2" -c "$3" "$1/ballast"',
        job,
    )
    result = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, result["exit_code"]) == (5, 5), done.stderr
    assert "Traceback" not in done.stderr
    for trouble in result["troubles"]:
        assert trouble in done.stderr


def test_ledger_that_may_only_be_read_costs_the_record_and_not_the_run(
    runs: Path, supervise: Callable[..., Supervised]
) -> None:
    first = supervise(["true"])
    done = _in_a_namespace(
        runs,
        'mount --bind "$1/ledger.db" "$1/ledger.db" && mount -o remount,bind,ro "$1/ledger.db" &&'
        ' "$2" -m runner exec --json -- echo works && "$2" -m runner runs --json',
    )
    assert done.returncode == 0, done.stderr
    said, result, listed = done.stdout.splitlines()
    assert said == "works"
    [trouble] = json.loads(result)["troubles"]
    assert "is not in the ledger" in trouble
    assert [row["id"] for row in json.loads(listed)] == [first.result["run"]]


def test_end_that_the_ledger_did_not_get_is_taken_from_the_result_by_the_next_start(
    runs: Path, supervise: Callable[..., Supervised]
) -> None:
    run = supervise(["false"])
    database = sqlite3.connect(runs / "ledger.db")
    database.execute("UPDATE run SET state='running', outcome=NULL, result=NULL")
    database.commit()
    database.close()
    after = supervise(["true"])
    assert f"run {run.result['run']} had ended as error.python" in after.stderr
    rows = {row.id: (row.state, row.outcome) for row in Ledger(runs / "ledger.db").runs()}
    assert rows[run.result["run"]] == ("done", "error.python")
