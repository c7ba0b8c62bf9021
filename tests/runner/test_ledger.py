"""The ledger under what happens to ledgers."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.ledger import Ledger, LedgerError
from runner.sampling import Sample
from tests.runner.conftest import ROOT, Supervised


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


def test_run_goes_on_without_its_ledger_and_says_so(
    supervise: Callable[..., Supervised], runs: Path
) -> None:
    runs.mkdir()
    (runs / "ledger.db").write_bytes(b"not a database at all" * 100)
    run = supervise(["echo", "works"])
    assert run.outcome == "ok"
    assert run.stdout == "works\n"
    assert "not in the ledger" in run.stderr
    assert (run.folder / "report.md").exists()
