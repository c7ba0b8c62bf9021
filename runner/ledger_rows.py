"""From data to rows of the ledger; each function inside a transaction of its caller."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runner import encodable, machine_json
from runner.attempts import Finished
from runner.ledger_writing import Writing
from runner.result import phases
from runner.sampling import Sample
from runner.supervisors import Running

_LONGEST_FACT = 2000


def put_run(
    database: Writing,
    run: str,
    job: str,
    label: str,
    command: Sequence[str],
    started: str,
    who: Running,
) -> None:
    database.execute(
        "INSERT OR IGNORE INTO run (id, job, label, started, state, command, boot, supervisor_pid,"
        " supervisor_start, place, host, seen) VALUES (?, ?, ?, ?, 'running', ?, ?, ?, ?, ?, ?, ?)",
        (
            run,
            job,
            label,
            started,
            json.dumps(encodable.data(list(command))),
            who.boot,
            who.pid,
            who.start_ticks,
            who.place,
            who.host,
            time.time(),
        ),
    )


def put_samples(
    database: Writing, run: str, attempt: int, began: float, taken: Sequence[Sample]
) -> None:
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


def thin_samples(database: Writing, run: str, attempt: int) -> None:
    """Delete of every two samples the one that holds less."""
    database.execute(
        "DELETE FROM sample WHERE rowid IN (SELECT id FROM (SELECT id,"
        " row_number() OVER (PARTITION BY pair ORDER BY pss DESC, host_rss DESC, at_s) AS place"
        " FROM (SELECT rowid AS id, at_s, coalesce(host_pss, 0) AS pss, host_rss,"
        " (row_number() OVER (ORDER BY at_s) - 1) / 2 AS pair"
        " FROM sample WHERE run=? AND attempt=?)) WHERE place = 2)",
        (run, attempt),
    )


def put_attempt(database: Writing, run: str, one: Finished) -> None:
    """The attempt with its phases, evidence and leaks; again, in place of what was there."""
    said = encodable.data(one.summary())
    database.execute(
        "INSERT OR REPLACE INTO attempt (run, n, outcome, started, seconds, exit_code, signal,"
        " changed, confidence, also, advice, signature, step, settings, next, reason, peaks)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            run,
            one.n,
            said["outcome"],
            said["started"],
            said["seconds"],
            said["exit_code"],
            said["signal"],
            json.dumps(said["changed"]),
            said["confidence"],
            json.dumps(one.diagnosis.also),
            json.dumps(one.diagnosis.advice),
            said["signature"],
            said["step"],
            json.dumps(said["with"]),
            said["next"],
            said["reason"],
            json.dumps(said["peaks"]),
        ),
    )
    database.executemany(
        "INSERT OR REPLACE INTO phase VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (run, one.n, p["name"], p["count"], p["seconds"], p["host_peak"], p["device_peak"])
            for p in phases(one.end)
        ],
    )
    database.execute(
        "DELETE FROM event WHERE run=? AND attempt=? AND kind='evidence'", (run, one.n)
    )
    database.executemany(
        "INSERT INTO event (run, attempt, at_s, kind, text) VALUES (?, ?, ?, 'evidence', ?)",
        [
            (
                run,
                one.n,
                one.began_s + said["seconds"],
                f"{fact.source}: {fact.text}"[:_LONGEST_FACT],
            )
            for fact in one.diagnosis.facts
        ],
    )
    database.execute("DELETE FROM leak WHERE run=? AND attempt=?", (run, one.n))
    database.executemany(
        "INSERT INTO leak VALUES (?, ?, ?, ?, ?)",
        [(run, one.n, kind, what, gone) for kind, what, gone in leak_rows(said["leaks"])],
    )


def leak_rows(leaks: Mapping[str, Any]) -> Iterator[tuple[str, str, bool | None]]:
    """(kind, what, whether it could be removed) of everything in ``leaks`` of a result."""
    for kind, left in leaks.items():
        if isinstance(left, list):
            for one in left:
                if isinstance(one, dict):
                    yield kind, json.dumps(one), one.get("gone")
                else:
                    yield kind, str(one), None
        elif left:
            yield kind, json.dumps(left), None


def put_end(database: Writing, content: Mapping[str, Any]) -> None:
    """The end of a run, from what its result.json holds."""
    database.execute(
        "UPDATE run SET state='done', outcome=?, confidence=?, seconds=?, host_pss=?,"
        " device_used=?, stopped=?, result=?, seen=? WHERE id=?",
        (*end_values(content), machine_json.dumps(content), time.time(), content["run"]),
    )


def end_values(content: Mapping[str, Any]) -> tuple[Any, ...]:
    """The columns of a run's end. Raises KeyError, TypeError or AttributeError for what is no
    result."""
    peaks = content["peaks"]
    return (
        content["outcome"],
        content["confidence"],
        content["timing"]["ended_s"],
        peaks["host_pss"],
        max(peaks["device_used"].values(), default=None),
        content["recovery"]["stopped"],
    )
