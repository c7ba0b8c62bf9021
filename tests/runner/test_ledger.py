"""The ledger under what happens to ledgers."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runner.journal import LONGEST_EVENT, MOST_EVENTS, MOST_SAMPLES, Beginning, Journal
from runner.ledger import Ledger, LedgerError
from runner.sampling import Sample
from tests.runner.conftest import ROOT, Supervised, fault


def sample(at_s: float) -> Sample:
    return Sample(at_s, "forward", 3, 100, 90, 80, None, 2, {0: 5}, None, None)


def test_run_is_running_until_it_is_finished(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    ledger.begin("20260101-000000-exec-true-0000", "exec", "true", ["true"], "2026-01-01T00:00:00Z")
    [row] = ledger.runs()
    assert (row.state, row.outcome) == ("running", None)
    assert ledger.orphaned() == []
    assert ledger.result(row.id) is None


def test_run_of_a_dead_supervisor_is_orphaned_and_marked_lost_once(tmp_path: Path) -> None:
    source = """
import sys
from pathlib import Path
from runner.ledger import Ledger
Ledger(Path(sys.argv[1])).begin("20260101-000000-exec-x-0000", "exec", "x", ["x"], "2026")
"""
    path = tmp_path / "ledger.db"
    subprocess.run([sys.executable, "-c", source, str(path)], check=True, cwd=ROOT)
    ledger = Ledger(path)
    assert ledger.orphaned() == ["20260101-000000-exec-x-0000"]
    ledger.mark_lost("20260101-000000-exec-x-0000")
    assert ledger.orphaned() == []
    assert ledger.runs()[0].outcome == "lost"


def test_samples_are_stored_with_their_time_in_the_run(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    ledger.begin("r", "exec", "x", ["x"], "2026")
    ledger.samples("r", 1, 100.0, [sample(100.5), sample(101.5)])
    rows = sqlite3.connect(tmp_path / "ledger.db").execute(
        "SELECT at_s, phase, host_pss, shm, device_used FROM sample ORDER BY at_s"
    )
    assert rows.fetchall() == [
        (0.5, "forward", 90, None, '{"0": 5}'),
        (1.5, "forward", 90, None, '{"0": 5}'),
    ]


def test_newer_schema_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version=99")
    database.close()
    with pytest.raises(LedgerError, match=r"ledger\.db: written by a newer version \(schema 99"):
        Ledger(path)


def test_file_that_is_no_ledger_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(LedgerError, match=r"ledger\.db"):
        Ledger(path)


def test_damaged_ledger_is_kept_aside_and_a_new_one_begun(
    supervise: Callable[..., Supervised], runs: Path
) -> None:
    runs.mkdir()
    damaged = b"not a database at all" * 100
    (runs / "ledger.db").write_bytes(damaged)
    run = supervise(["echo", "works"])
    assert (run.outcome, run.stdout) == ("ok", "works\n")
    [aside] = runs.glob("ledger.db.damaged-*")
    assert aside.read_bytes() == damaged
    assert run.stderr.count("the ledger is damaged") == 1
    assert aside.name in run.stderr
    assert [row.id for row in Ledger(runs / "ledger.db").runs()] == [run.result["run"]]
    assert run.result["troubles"] == []


def _other_database(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE experiments (name TEXT)")
    database.execute("INSERT INTO experiments VALUES ('mine')")
    database.commit()
    database.close()


def _newer_ledger(path: Path) -> None:
    Ledger(path).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version=99")
    database.close()


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (
            _newer_ledger,
            "written by a newer version (schema 99, known: 2); upgrade, or use another",
        ),
        (_other_database, "the database of something else; move it away, or use another"),
    ],
)
def test_ledger_that_may_not_be_written_to_is_refused_in_a_line_while_the_run_goes_on(
    supervise: Callable[..., Supervised], runs: Path, made: Callable[[Path], None], words: str
) -> None:
    runs.mkdir()
    path = runs / "ledger.db"
    made(path)
    before = path.read_bytes()
    run = supervise(["echo", "works"])
    assert (run.outcome, run.status, run.stdout) == ("ok", 0, "works\n")
    assert words in run.stderr
    assert "Traceback" not in run.stderr
    assert [words in trouble for trouble in run.result["troubles"]] == [True]
    assert (run.folder / "report.md").exists()
    assert path.read_bytes() == before
    for command in (["runs"], ["show", "last"]):
        asked = subprocess.run(
            [sys.executable, "-m", "runner", *command, "--runs-dir", str(runs)],
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        assert asked.returncode == 2
        assert words in asked.stderr
        assert len(asked.stderr.splitlines()) == 1


# As version 1 made it.
SCHEMA_1 = """
CREATE TABLE IF NOT EXISTS run (
    id TEXT PRIMARY KEY, job TEXT NOT NULL, label TEXT NOT NULL, started TEXT NOT NULL,
    state TEXT NOT NULL, outcome TEXT, confidence REAL, seconds REAL,
    host_pss INTEGER, device_used INTEGER, command TEXT NOT NULL,
    boot TEXT, supervisor_pid INTEGER, supervisor_start INTEGER, result TEXT);
CREATE TABLE IF NOT EXISTS attempt (
    run TEXT NOT NULL REFERENCES run(id), n INTEGER NOT NULL, outcome TEXT, started TEXT,
    seconds REAL, exit_code INTEGER, signal INTEGER, changed TEXT, PRIMARY KEY (run, n));
CREATE TABLE IF NOT EXISTS phase (
    run TEXT NOT NULL REFERENCES run(id), attempt INTEGER NOT NULL, name TEXT NOT NULL,
    count INTEGER, seconds REAL, host_peak INTEGER, device_peak INTEGER,
    PRIMARY KEY (run, attempt, name));
CREATE TABLE IF NOT EXISTS sample (
    run TEXT NOT NULL REFERENCES run(id), attempt INTEGER NOT NULL, at_s REAL NOT NULL,
    phase TEXT, step INTEGER, host_rss INTEGER, host_pss INTEGER, host_uss INTEGER, shm INTEGER,
    processes INTEGER, device_used TEXT, torch_allocated INTEGER, torch_reserved INTEGER);
CREATE INDEX IF NOT EXISTS sample_of ON sample (run, attempt, at_s);
CREATE TABLE IF NOT EXISTS event (
    run TEXT NOT NULL REFERENCES run(id), attempt INTEGER NOT NULL, at_s REAL, kind TEXT,
    text TEXT);
INSERT INTO run VALUES ('20260101-000000-exec-x-0000', 'exec', 'x', '2026-01-01T00:00:00Z', 'done',
    'ok', 1.0, 2.5, 1000, NULL, '["x"]', 'b', 1, 2, '{"run": "20260101-000000-exec-x-0000"}');
INSERT INTO run VALUES ('20260101-000001-exec-y-0000', 'exec', 'y', '2026-01-01T00:00:01Z',
    'running', NULL, NULL, NULL, NULL, NULL, '["y"]', 'another boot', 1, 2, NULL);
INSERT INTO sample VALUES ('20260101-000000-exec-x-0000', 1, 0.5, 'forward', 3, 1, 2, 3, NULL, 1,
    NULL, NULL, NULL);
PRAGMA user_version=1
"""


def test_ledger_of_the_first_version_is_brought_up_to_date_with_all_it_held(
    supervise: Callable[..., Supervised], runs: Path
) -> None:
    runs.mkdir()
    database = sqlite3.connect(runs / "ledger.db")
    database.executescript(SCHEMA_1)
    database.close()
    run = supervise(["true"])
    assert run.result["troubles"] == []
    states = {row.id: (row.state, row.outcome) for row in Ledger(runs / "ledger.db").runs()}
    assert states == {
        run.result["run"]: ("done", "ok"),
        "20260101-000000-exec-x-0000": ("done", "ok"),
        "20260101-000001-exec-y-0000": ("lost", "lost"),
    }
    database = sqlite3.connect(runs / "ledger.db")
    assert database.execute("PRAGMA user_version").fetchone() == (2,)
    assert database.execute("SELECT phase FROM sample WHERE at_s=0.5").fetchall() == [("forward",)]


def test_what_is_recorded_of_a_long_run_is_bounded(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "ledger.db", "r", lambda text: None)
    journal.begin(Beginning("exec", "x", ["x"], "2026"))
    began = time.monotonic()
    count = 5 * MOST_SAMPLES
    spikes = {137: 10**9, MOST_SAMPLES + 8: 2 * 10**9, count - 2: 3 * 10**9}
    for n in range(count):
        journal.sample(1, replace(sample(began + n), host_pss=spikes.get(n, 100)))
    for n in range(2 * MOST_EVENTS):
        journal.event(1, "note", f"event {n}" + "x" * 10_000)
    journal.close()
    database = sqlite3.connect(tmp_path / "ledger.db")
    (rows, first, last) = database.execute(
        "SELECT count(*), min(at_s), max(at_s) FROM sample"
    ).fetchone()
    assert MOST_SAMPLES / 4 <= rows <= MOST_SAMPLES
    assert first < 1
    assert last > 0.9 * count
    gaps = database.execute(
        "SELECT max(gap) FROM (SELECT at_s - lag(at_s) OVER (ORDER BY at_s) AS gap FROM sample)"
    ).fetchone()
    assert gaps[0] <= 4 * count / MOST_SAMPLES
    highest = database.execute("SELECT host_pss FROM sample WHERE host_pss > 100 ORDER BY 1")
    assert [held for (held,) in highest] == sorted(spikes.values()), "no peak is thinned away"
    events = [text for (text,) in database.execute("SELECT text FROM event ORDER BY rowid")]
    assert len(events) == MOST_EVENTS
    assert "no further one is kept" in events[-1]
    assert max(map(len, events)) <= LONGEST_EVENT


def test_what_happened_in_a_run_is_kept(supervise: Callable[..., Supervised], runs: Path) -> None:
    run = supervise(fault("ignores_sigterm"), "--watchdog", "1", "--grace", "1")
    assert run.outcome.startswith("hang.")
    events = Ledger(runs / "ledger.db", reading=True).events(run.result["run"])
    kinds = {event.kind for event in events}
    assert {"stall", "signal", "evidence"} <= kinds
    assert [event.at_s for event in events] == sorted(event.at_s for event in events)
