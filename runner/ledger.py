"""Every run, in SQLite. The ledger is a record, never a condition: where it cannot be written the
run goes on, and what was not recorded is said."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probes import filesystem
from runner import ledger_rows, ledger_schema
from runner.ledger_schema import UnknownSchema
from runner.ledger_writing import Writing
from runner.result import Result
from runner.sampling import Sample
from runner.supervisors import Running, here, is_orphaned

PATIENT_S = 5.0
"""How long another writer is waited for where nothing else has to go on meanwhile."""
STARTING_S = 1.0
"""The same before a job starts: its user waits too."""
HURRIED_S = 0.02
"""The same while a job is watched from the same thread."""
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_REFUSED = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


_LITTLE = 1 << 16
"""Bytes of free space that are none: SQLite calls what it meets then an I/O error."""


class LedgerError(Exception):
    """The ledger cannot be read or written; the message says which file and why."""


class LedgerBusy(LedgerError):
    """Another process writes; a moment later it works."""


class LedgerBroken(LedgerError):
    """The file is damaged, or is no database at all."""


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


@dataclass(frozen=True)
class Event:
    """Something worth a line that happened in an attempt."""

    attempt: int
    at_s: float
    """Seconds since the beginning of the run."""
    kind: str
    text: str


class Ledger:
    """One open ledger. Raises LedgerError from every method.

    Args:
        path: made where it does not exist; a ledger of an earlier version is migrated.
        reading: nothing is made, migrated or written.
        wait_s: how long another writer is waited for; ``wait`` changes it.
    """

    def __init__(self, path: Path, *, reading: bool = False, wait_s: float = PATIENT_S) -> None:
        self.path = path
        self.wait_s = wait_s
        until = time.monotonic() + wait_s
        while True:
            try:
                with self._explained():
                    self._database = self._open_to_read() if reading else self._open_to_write()
                    return
            except LedgerBusy:
                # In some states SQLite does not wait by itself: recovery, a change of the journal.
                if time.monotonic() >= until:
                    raise
                time.sleep(0.01)

    def _open_to_write(self) -> sqlite3.Connection:
        # Made by one thread and used by another where the supervisor takes a thread of its own;
        # never by both at once.
        database = sqlite3.connect(
            self.path, timeout=self.wait_s, isolation_level=None, check_same_thread=False
        )
        try:
            ledger_schema.check(database)
            _choose_journal(database, self.path)
            ledger_schema.bring_up_to_date(database)
            self._place = _file_of(self.path)
        except BaseException:
            database.close()
            raise
        return database

    def _open_to_read(self) -> sqlite3.Connection:
        where = self.path.absolute().as_uri()
        for how in ("mode=ro", "immutable=1"):
            database = sqlite3.connect(f"{where}?{how}", uri=True, timeout=self.wait_s)
            try:
                ledger_schema.check(database)
                return database
            except sqlite3.OperationalError as error:
                database.close()
                # A write-ahead log cannot be joined in a folder that may only be read.
                if how == "immutable=1" or _code(error) in _BUSY:
                    raise
            except BaseException:
                database.close()
                raise
        raise AssertionError("one of the two ways returns or raises")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except UnknownSchema as error:
            raise LedgerError(f"{self.path}: {error}") from error
        except sqlite3.Error as error:
            kind = LedgerError
            if _code(error) in _BUSY:
                kind = LedgerBusy
            elif _code(error) in _BROKEN:
                kind = LedgerBroken
            full = _code(error) in _REFUSED and _is_full(self.path.parent)
            why = "no space left on its disk" if full else error
            raise kind(f"{self.path}: {why}") from error
        except OSError as error:
            raise LedgerError(f"{self.path}: {error.strerror}") from error
        except (ValueError, OverflowError) as error:
            # A number beyond 64 bits, say: it costs the record, and not the run.
            raise LedgerError(f"{self.path}: a value that it cannot hold: {error}") from error

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """One transaction around every change made inside: all of them, or none."""
        if self._database.in_transaction:
            yield Writing(self._database)
            return
        with self._explained():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield Writing(self._database)
                self._database.execute("COMMIT")
            except BaseException:
                # A full disk has rolled it back already.
                with suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
                raise

    def wait(self, seconds: float) -> None:
        """Wait so long for another writer from now on."""
        self.wait_s = seconds
        with self._explained():
            self._database.execute(f"PRAGMA busy_timeout={int(1000 * seconds)}")

    def is_in_place(self) -> bool:
        """Whether the file that is open still is the one of that name."""
        with suppress(OSError):
            return _file_of(self.path) == self._place
        return False

    def close(self) -> None:
        self._database.close()

    def begin(self, run: str, job: str, label: str, command: Sequence[str], started: str) -> None:
        with self.writing() as database:
            ledger_rows.put_run(database, run, job, label, command, started, here())

    def samples(self, run: str, attempt: int, began: float, taken: Sequence[Sample]) -> None:
        with self.writing() as database:
            ledger_rows.put_samples(database, run, attempt, began, taken)

    def thin(self, run: str, attempt: int) -> None:
        """Drop every other sample of an attempt."""
        with self.writing() as database:
            ledger_rows.thin_samples(database, run, attempt)

    def event(self, run: str, event: Event) -> None:
        with self.writing() as database:
            database.execute(
                "INSERT INTO event (run, attempt, at_s, kind, text) VALUES (?, ?, ?, ?, ?)",
                (run, event.attempt, event.at_s, event.kind, event.text),
            )

    def seen(self, run: str) -> None:
        """Say that the run's supervisor is there."""
        with self.writing() as database:
            database.execute("UPDATE run SET seen=? WHERE id=?", (time.time(), run))

    def attempt(self, result: Result) -> None:
        """Record the newest attempt of a run that goes on."""
        with self.writing() as database:
            ledger_rows.put_attempt(database, result.run, result.attempts[-1])

    def finish(self, result: Result) -> None:
        """Record every attempt and the whole run."""
        with self.writing() as database:
            for one in result.attempts:
                ledger_rows.put_attempt(database, result.run, one)
            ledger_rows.put_end(database, result.as_dict())

    def take_over(self, content: Mapping[str, Any]) -> None:
        """Record the end of a run from its result.json: its supervisor could not."""
        with self.writing() as database:
            ledger_rows.put_end(database, content)

    def runs(self, limit: int = 50) -> list[RunRow]:
        """The newest runs, newest first."""
        with self._explained():
            rows = self._database.execute(
                "SELECT id, job, started, state, outcome, seconds, host_pss, device_used FROM run"
                " ORDER BY started DESC, id DESC LIMIT ?",
                (limit,),
            ).fetchall()
        return [RunRow(*row) for row in rows]

    def events(self, run: str) -> list[Event]:
        """Oldest first."""
        with self._explained():
            rows = self._database.execute(
                "SELECT attempt, at_s, kind, text FROM event WHERE run=? ORDER BY attempt, at_s",
                (run,),
            ).fetchall()
        return [Event(*row) for row in rows]

    def state(self, run: str) -> str | None:
        """running, done or lost; None where the ledger does not know the run."""
        with self._explained():
            row = self._database.execute("SELECT state FROM run WHERE id=?", (run,)).fetchone()
        return str(row[0]) if row else None

    def sample_rows(
        self, run: str, columns: Sequence[str], newest: int = -1
    ) -> list[tuple[Any, ...]]:
        """These columns of every sample of a run, oldest first, or of so many of the newest."""
        assert all(name.isidentifier() for name in columns)
        with self._explained():
            return self._database.execute(
                f"SELECT {', '.join(columns)} FROM sample WHERE run=?"  # noqa: S608 - identifiers
                " ORDER BY attempt DESC, at_s DESC LIMIT ?",
                (run, newest),
            ).fetchall()[::-1]

    def orphaned(self) -> list[str]:
        """Runs that are said to be running while their supervisor does not live."""
        with self._explained():
            rows = self._database.execute(
                "SELECT id, boot, supervisor_pid, supervisor_start, place, host, seen FROM run"
                " WHERE state='running'"
            ).fetchall()
        return [row[0] for row in rows if is_orphaned(Running(*row[1:]))]

    def unattended(self, newest: int = 16) -> list[str]:
        """Those of the newest runs that are over and whose supervisor has ended too: it makes the
        report when the run has its end here."""
        with self._explained():
            rows = self._database.execute(
                "SELECT id, boot, supervisor_pid, supervisor_start, place, host, seen FROM run"
                " WHERE state!='running' ORDER BY started DESC, id DESC LIMIT ?",
                (newest,),
            ).fetchall()
        return [row[0] for row in rows if is_orphaned(Running(*row[1:]))]

    def mark_lost(self, run: str) -> None:
        with self.writing() as database:
            database.execute(
                "UPDATE run SET state='lost', outcome='lost' WHERE id=? AND state='running'", (run,)
            )

    def result(self, run: str) -> Mapping[str, Any] | None:
        with self._explained():
            row = self._database.execute("SELECT result FROM run WHERE id=?", (run,)).fetchone()
        return json.loads(row[0]) if row and row[0] else None

    def measured(self, newest: int = 500) -> list[Mapping[str, Any]]:
        """``measured`` of the newest results that have it: what runs took of their device."""
        with self._explained():
            rows = self._database.execute(
                "SELECT json_extract(result, '$.measured') FROM run WHERE state='done'"
                " AND device_used IS NOT NULL ORDER BY started DESC, id DESC LIMIT ?",
                (newest,),
            ).fetchall()
        found = [json.loads(row[0]) for row in rows if row[0]]
        return [one for one in found if isinstance(one, dict)]

    def is_sound(self) -> bool:
        """Whether SQLite finds no damage; reads the whole file."""
        with self._explained():
            (answer,) = self._database.execute("PRAGMA quick_check(1)").fetchone()
        return str(answer) == "ok"


def _choose_journal(database: sqlite3.Connection, path: Path) -> None:
    """The write-ahead log where it can work: its readers and writers share memory, which those of
    a network file system on two machines do not."""
    (journal,) = database.execute("PRAGMA journal_mode").fetchone()
    wanted = "delete" if filesystem.is_shared(path) else "wal"
    if journal != wanted:
        try:
            database.execute(f"PRAGMA journal_mode={wanted}")
            # Only the first use shows whether the memory that the log needs can be had.
            database.execute("BEGIN IMMEDIATE")
            database.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            if _code(error) in _BUSY:
                raise
            database.execute("PRAGMA journal_mode=delete")
    database.execute("PRAGMA synchronous=NORMAL")


def _is_full(folder: Path) -> bool:
    try:
        found = os.statvfs(folder)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < _LITTLE


def _file_of(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _code(error: sqlite3.Error) -> int | None:
    # Set by SQLite itself, not by errors that the module raises on its own.
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
