"""Every run, in SQLite. The ledger is a record, never a condition: where it cannot be written the
run goes on, and what was not recorded is said."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probes import procfs
from probes.procfs import Identity
from runner.result import Result, phases
from runner.sampling import Sample

SCHEMA = 1
_BUSY_SECONDS = 5.0

_TABLES = """
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
"""


class LedgerError(Exception):
    """The ledger cannot be read or written; the message says which file and why."""


@dataclass(frozen=True)
class RunRow:
    """A run as the ledger tells it."""

    id: str
    job: str
    started: str
    state: str
    """running, done or lost."""
    outcome: str | None
    seconds: float | None
    host_pss: int | None
    device_used: int | None


class Ledger:
    """One open ledger. Raises LedgerError from every method."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._explained():
            self._database = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
            # WAL needs shared memory of its file system; without it the rollback journal serves.
            with suppress(sqlite3.OperationalError):
                self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            (version,) = self._database.execute("PRAGMA user_version").fetchone()
            if version > SCHEMA:
                raise LedgerError(
                    f"{path}: written by a newer version (schema {version}, known: {SCHEMA}); "
                    f"upgrade, or use another --runs-dir"
                )
            self._database.executescript(_TABLES)
            self._database.execute(f"PRAGMA user_version={SCHEMA}")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise LedgerError(f"{self.path}: {error}") from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._explained():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def close(self) -> None:
        self._database.close()

    def begin(self, run: str, job: str, label: str, command: Sequence[str], started: str) -> None:
        me = procfs.identity(os.getpid())
        with self._transaction() as database:
            database.execute(
                "INSERT INTO run (id, job, label, started, state, command, boot, supervisor_pid,"
                " supervisor_start) VALUES (?, ?, ?, ?, 'running', ?, ?, ?, ?)",
                (
                    run,
                    job,
                    label,
                    started,
                    json.dumps(list(command)),
                    procfs.boot_id(),
                    me.pid if me else None,
                    me.start_ticks if me else None,
                ),
            )

    def samples(self, run: str, attempt: int, began: float, taken: Sequence[Sample]) -> None:
        with self._transaction() as database:
            database.executemany(
                "INSERT INTO sample VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        run,
                        attempt,
                        s.at_s - began,
                        s.phase,
                        s.step,
                        s.host_rss,
                        s.host_pss,
                        s.host_uss,
                        s.shm,
                        s.processes,
                        json.dumps(s.device_used) if s.device_used else None,
                        s.torch_allocated,
                        s.torch_reserved,
                    )
                    for s in taken
                ],
            )

    def attempt(self, result: Result) -> None:
        """Record the newest attempt of a run that goes on."""
        with self._transaction() as database:
            self._put_attempt(database, result)

    def _put_attempt(self, database: sqlite3.Connection, result: Result) -> None:
        last, end = result.attempts[-1], result.end
        n, timing = last.n, end.timing
        database.execute(
            "INSERT OR REPLACE INTO attempt VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                result.run,
                n,
                last.diagnosis.outcome,
                timing.started,
                timing.ended_s,
                end.evidence.exit_code,
                end.evidence.signal,
                json.dumps(last.summary()["changed"]),
            ),
        )
        database.executemany(
            "INSERT OR REPLACE INTO phase VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    result.run,
                    n,
                    p["name"],
                    p["count"],
                    p["seconds"],
                    p["host_peak"],
                    p["device_peak"],
                )
                for p in phases(end)
            ],
        )
        database.execute("DELETE FROM event WHERE run=? AND attempt=?", (result.run, n))
        database.executemany(
            "INSERT INTO event VALUES (?, ?, ?, 'evidence', ?)",
            [
                (result.run, n, timing.ended_s, f"{fact.source}: {fact.text}")
                for fact in last.diagnosis.facts
            ],
        )

    def finish(self, result: Result) -> None:
        """Record the last attempt and the whole run."""
        with self._transaction() as database:
            self._put_attempt(database, result)
            database.execute(
                "UPDATE run SET state='done', outcome=?, confidence=?, seconds=?, host_pss=?,"
                " device_used=?, result=? WHERE id=?",
                (
                    result.diagnosis.outcome,
                    result.diagnosis.confidence,
                    result.timing.ended_s,
                    result.peaks.host_pss,
                    max(result.peaks.device_used.values(), default=None),
                    json.dumps(result.as_dict()),
                    result.run,
                ),
            )

    def runs(self, limit: int = 50) -> list[RunRow]:
        """The newest runs, newest first."""
        with self._explained():
            rows = self._database.execute(
                "SELECT id, job, started, state, outcome, seconds, host_pss, device_used FROM run"
                " ORDER BY started DESC, id DESC LIMIT ?",
                (limit,),
            ).fetchall()
        return [RunRow(*row) for row in rows]

    def orphaned(self) -> list[str]:
        """Runs that are said to be running while their supervisor does not live."""
        with self._explained():
            rows = self._database.execute(
                "SELECT id, boot, supervisor_pid, supervisor_start FROM run WHERE state='running'"
            ).fetchall()
        boot = procfs.boot_id()
        return [
            run
            for run, on_boot, pid, start in rows
            if on_boot != boot or pid is None or not procfs.is_alive(Identity(pid, start))
        ]

    def mark_lost(self, run: str) -> None:
        with self._transaction() as database:
            database.execute(
                "UPDATE run SET state='lost', outcome='lost' WHERE id=? AND state='running'", (run,)
            )

    def result(self, run: str) -> Mapping[str, Any] | None:
        with self._explained():
            row = self._database.execute("SELECT result FROM run WHERE id=?", (run,)).fetchone()
        return json.loads(row[0]) if row and row[0] else None
