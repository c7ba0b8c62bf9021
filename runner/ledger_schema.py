"""The tables of the ledger, and how a ledger of an earlier version becomes one of this.

A new ledger is made by the same steps as an old one is brought up to date, all in one transaction:
whatever dies in between, the file is of one version or the other.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress

SCHEMA = 2
APPLICATION = 0x46574952
"""``FWIR`` in the file's header: what it is the database of."""

_FIRST = """
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
    text TEXT)
"""

# place, seen: whether its supervisor lives can be seen from the same place only; elsewhere the
# time tells when it was last heard of. The attempt's row says what was decided and why.
_SECOND = """
ALTER TABLE run ADD COLUMN place TEXT;
ALTER TABLE run ADD COLUMN host TEXT;
ALTER TABLE run ADD COLUMN seen REAL;
ALTER TABLE run ADD COLUMN stopped TEXT;
ALTER TABLE attempt ADD COLUMN confidence REAL;
ALTER TABLE attempt ADD COLUMN also TEXT;
ALTER TABLE attempt ADD COLUMN advice TEXT;
ALTER TABLE attempt ADD COLUMN signature TEXT;
ALTER TABLE attempt ADD COLUMN step INTEGER;
ALTER TABLE attempt ADD COLUMN settings TEXT;
ALTER TABLE attempt ADD COLUMN next TEXT;
ALTER TABLE attempt ADD COLUMN reason TEXT;
ALTER TABLE attempt ADD COLUMN peaks TEXT;
CREATE INDEX event_of ON event (run, attempt, at_s);
CREATE TABLE leak (
    run TEXT NOT NULL REFERENCES run(id), attempt INTEGER NOT NULL, kind TEXT NOT NULL,
    what TEXT NOT NULL, gone INTEGER);
CREATE INDEX leak_of ON leak (run, attempt);
CREATE INDEX run_running ON run (state) WHERE state = 'running'
"""

_OURS = {"run", "attempt", "phase", "sample", "event"}


class UnknownSchema(Exception):
    """The database is not one that this version may write to; the message says what it is."""


def check(database: sqlite3.Connection) -> int:
    """The schema of the file, 0 for one without tables.

    Raises UnknownSchema for a later schema and for the database of something else.
    """
    (version,) = database.execute("PRAGMA user_version").fetchone()
    (application,) = database.execute("PRAGMA application_id").fetchone()
    tables = {
        name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type='table'")
    }
    # A ledger whose making died half-way in an earlier version has its tables, and no version.
    if application not in (0, APPLICATION) or (tables and not tables >= _OURS):
        raise UnknownSchema(
            "the database of something else; move it away, or use another --runs-dir"
        )
    if version > SCHEMA:
        raise UnknownSchema(
            f"written by a newer version (schema {version}, known: {SCHEMA}); "
            f"upgrade, or use another --runs-dir"
        )
    return int(version)


def bring_up_to_date(database: sqlite3.Connection) -> None:
    """Make or migrate the tables. Raises UnknownSchema, and sqlite3.Error with nothing changed."""
    if check(database) == SCHEMA:
        return
    database.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have done it while this one waited for its turn.
        version = check(database)
        if version < 1:
            _run(database, _FIRST)
        if version < 2:
            _run(database, _SECOND)
        database.execute(f"PRAGMA application_id={APPLICATION}")
        database.execute(f"PRAGMA user_version={SCHEMA}")
        database.execute("COMMIT")
    except BaseException:
        # A full disk has rolled it back already.
        with suppress(sqlite3.Error):
            database.execute("ROLLBACK")
        raise


def _run(database: sqlite3.Connection, statements: str) -> None:
    # executescript would commit the transaction first.
    for statement in statements.split(";"):
        database.execute(statement)
