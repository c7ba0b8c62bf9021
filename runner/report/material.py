"""Everything that is kept of a run, read from its folder and the ledger; what is missing is said.

The folder is the job's to write to: no file in it is trusted to be a file, small, or well-formed.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from probes import pulse
from probes.pulse import Record
from runner.ledger import Event, Ledger, LedgerError
from runner.outcomes import Outcome
from runner.paths import RunPaths, ledger_path
from runner.report import forms, history, told
from runner.report.timeline import Mix, Samples, Series

_MOST_TEXT = 256 << 10
_MOST_JSON = 16 << 20
_MOST_ATTEMPTS = 200
_DEEPEST = 200
"""Levels of a file's JSON: what shows them goes as deep as they do."""


@dataclass(frozen=True)
class Material:
    """What a report is made from. ``result`` is the contract's, or what would be known of it."""

    run: str
    state: str
    """running, done or lost."""
    description: Mapping[str, Any]
    """run.json; empty where it cannot be read."""
    result: Mapping[str, Any]
    samples: Samples = field(default_factory=Samples)
    curves: Sequence[Series] = ()
    spent: Sequence[Mix] = ()
    """Time by phase; empty where the job does not tell, or did not when it ran."""
    held: Mapping[str, Any] = field(default_factory=dict)
    """memory.json of the newest attempt; empty where it has none."""
    at_oom: Mapping[str, Any] = field(default_factory=dict)
    """oom.json of the newest attempt: what torch held when its device was full."""
    events: Sequence[Event] = ()
    output: str = ""
    """The end of what the newest attempt printed."""
    stacks: str | None = None
    missing: Sequence[str] = ()
    """What could not be read, and why."""


def gather(runs: Path, paths: RunPaths) -> Material:
    """Read a run. Raises FileNotFoundError where there is no such run."""
    if not paths.folder.is_dir():
        raise FileNotFoundError(f"no run {paths.folder.name} in {runs}")
    run, missing = paths.folder.name, list[str]()
    count = newest_attempt(paths.folder)
    newest = paths.attempt(count)
    description = _fitting(read_json(paths.description, missing), missing)
    result, damaged = _newest_result(paths, count)
    state, samples, events = None, Samples(), list[Event]()
    try:
        ledger = Ledger(ledger_path(runs), reading=True)
        try:
            state = "lost" if run in ledger.orphaned() else ledger.state(run)
            kept = dict(ledger.result(run) or {})
            where = told.place(forms.RESULT, kept) if kept else None
            if where is not None:
                missing.append(f"the result in the ledger is damaged at {where}")
            elif kept:
                result, damaged = kept, []
            events = ledger.events(run)
            samples = history.samples(ledger.sample_rows(run, history.COLUMNS))
        finally:
            ledger.close()
    except LedgerError as error:
        missing.append(f"nothing was read from the ledger: {error}")
    missing += damaged
    if _is_end(result, count):
        state = "done"
    else:
        state = "running" if state == "running" else "lost"
        earlier = result.get("attempts") or []
        result = _known(run, state, description, newest.pulse, samples) | {"attempts": earlier}
    spent = (read_text(paths.attempt(n + 1).phases, _MOST_JSON) or "" for n in range(count))
    numbers = (read_text(paths.attempt(n + 1).curves, _MOST_JSON) or "" for n in range(count))
    return Material(
        run=run,
        state=state,
        description=description,
        result=result,
        samples=samples,
        curves=history.curves(numbers),
        spent=history.spent(spent),
        held=read_json(newest.memory),
        at_oom=read_json(newest.at_oom),
        events=events,
        output=read_text(newest.output) or "",
        stacks=read_text(newest.stacks),
        missing=tuple(missing),
    )


def _fitting(description: dict[str, Any], missing: list[str]) -> dict[str, Any]:
    """Without the fields that are not of the form that they must have; they are said."""
    for name, form in forms.DESCRIPTION.items():
        where = told.place(form, description[name]) if name in description else None
        if where is not None:
            missing.append(f"run.json is damaged: its {name} is left out, for {where}")
            del description[name]
    return description


def _newest_result(paths: RunPaths, count: int) -> tuple[dict[str, Any], list[str]]:
    """Of the newest attempt whose result.json can be read, and what cannot of those after it."""
    damaged = list[str]()
    for n in range(count, 0, -1):
        path = paths.attempt(n).result
        found = read_json(path)
        where = told.place(forms.RESULT, found) if found else None
        if found and where is None:
            return found, damaged
        if where is not None or path.exists():
            place = f" at {where}" if where else ""
            damaged.append(f"{path.parent.name}/{path.name} is damaged{place}")
    return {}, damaged


def _is_end(result: Mapping[str, Any], attempts: int) -> bool:
    """Whether it is of the run's end, and not of an attempt that another followed."""
    with suppress(KeyError, IndexError, TypeError, AttributeError):
        last = result["attempts"][-1]
        return last["n"] == attempts and last.get("next") is None
    return False


def newest_attempt(folder: Path) -> int:
    """The number of a run's last attempt so far."""
    there = [n for n in range(1, _MOST_ATTEMPTS + 1) if (folder / f"attempt-{n}").is_dir()]
    return max(there, default=1)


def read_text(path: Path, most: int = _MOST_TEXT) -> str | None:
    """The end of a plain file; None where there is none. Nothing else is opened: a pipe in its
    place would keep us waiting, a link would lead elsewhere."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with suppress(OSError):
        descriptor = os.open(path, flags)
        try:
            found = os.fstat(descriptor)
            if stat.S_ISREG(found.st_mode):
                begin = max(0, found.st_size - most)
                return os.pread(descriptor, most, begin).decode("utf-8", "replace")
        finally:
            os.close(descriptor)
    return None


def read_json(path: Path, missing: list[str] | None = None) -> dict[str, Any]:
    """A plain file's JSON object; empty, and said in ``missing``, where there is none."""
    text = read_text(path, _MOST_JSON)
    with suppress(ValueError, RecursionError):
        found = json.loads(text or "")
        if isinstance(found, dict) and not _is_too_deep(found):
            return found
    if missing is not None:
        missing.append(f"{path.name} is missing or damaged")
    return {}


def _is_too_deep(found: Any) -> bool:
    level = [found]
    for _ in range(_DEEPEST):
        inside = (one.values() if isinstance(one, dict) else one for one in level)
        level = [
            child for children in inside for child in children if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def _known(
    run: str, state: str, description: Mapping[str, Any], recorder: Path, samples: Samples
) -> dict[str, Any]:
    """A result of a run without one, from its flight recorder and its samples."""
    record: Record | None = None
    with suppress(OSError):
        record = pulse.read(recorder)
    peaks: dict[str, Any] = dict.fromkeys(("host_pss", "host_rss", "host_uss", "shm"))
    peaks |= {name: _peak(samples, name) for name in peaks}
    devices = [name for name in samples.columns if name.startswith("device_used.")]
    peaks["device_used"] = {name.partition(".")[2]: _peak(samples, name) for name in devices}
    peaks["device_allocated"] = record.torch_peak_allocated if record else None
    peaks["device_reserved"] = record.torch_peak_reserved if record else None
    last = samples.at_s[-1] if len(samples) else 0.0
    return {
        "schema": 1,
        "run": run,
        "job": description.get("job", "?"),
        "outcome": Outcome.LOST.value if state == "lost" else state,
        "ok": False,
        "confidence": None,
        "exit_code": None,
        "signal": None,
        "evidence": _evidence(state, record),
        "also": [],
        "advice": _advice(run, description) if state == "lost" else [],
        "attempts": [],
        "peaks": peaks,
        "phases": _phases(record, samples),
        "gauges": dict(record.gauges) if record else {},
        "leaks": {},
        "timing": {"started": description.get("started", "?"), "ended_s": last},
        "troubles": [],
    }


def _peak(samples: Samples, name: str) -> int | float | None:
    peak = samples.series(name).peak()
    return peak[1] if peak else None


def _evidence(state: str, record: Record | None) -> list[dict[str, str]]:
    found = []
    if state == "lost":
        found.append({"source": "ledger", "text": "the supervisor died before the run's end"})
    if record is not None and record.pulse.number:
        at = record.pulse
        step = f", step {at.step}" + (f" of {at.total}" if at.total else "") if at.step else ""
        done = "the work was finished" if record.finished_s else f"in phase {at.phase}"
        found.append({"source": "pulse", "text": f"last pulse: {done}{step}"})
    return found


def _advice(run: str, description: Mapping[str, Any]) -> list[str]:
    if description.get("job") == "train":
        return [f"go on from its last checkpoint: python -m runner train --resume {run}"]
    return ["start it again; nothing of it runs any more"]


def _phases(record: Record | None, samples: Samples) -> list[dict[str, Any]]:
    host: dict[str, int | float] = {}
    for name, held in zip(samples.phase, samples.columns.get("host_pss", ()), strict=False):
        if held is not None:
            host[name] = max(held, host.get(name, 0))
    return [
        {
            "name": phase.name,
            "count": phase.count,
            "seconds": phase.seconds,
            "host_peak": host.get(phase.name),
            "device_peak": None,
        }
        for phase in (record.phases if record else ())
    ]
