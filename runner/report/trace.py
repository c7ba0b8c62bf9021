"""``trace.json``: the run in the Trace Event Format, for Perfetto and chrome://tracing. Pure.

Attempts, epochs and phases are slices, memory and the job's numbers are counters, and stalls,
signals and what else was said are instants. Times are microseconds since the run's start. Source:
"Trace Event Format", Chromium project (object format).
"""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from runner.console import printable
from runner.report import document, timeline
from runner.report.material import Material
from runner.report.timeline import Number, Series, Shares, Stretch

BUCKETS = 5000
"""Of a counter: its peaks are kept beyond twice as many samples."""
SHARES = 1000
"""Stretches of time that the shares of the phases are told for."""
_MOST_SLICES = 100_000
_ATTEMPTS, _EPOCHS, _PHASES, _STEPS = 1, 2, 3, 4
_THREADS = {
    _ATTEMPTS: "attempts",
    _EPOCHS: "epochs",
    _PHASES: "phase at each sample",
    _STEPS: "steps",
}
_COUNTERS = {
    "host_pss": "host PSS",
    "host_rss": "host RSS",
    "host_uss": "host USS",
    "shm": "/dev/shm",
    "torch_allocated": "torch allocated",
    "torch_reserved": "torch reserved",
}

Event = dict[str, Any]


def render(material: Material) -> dict[str, Any]:
    """The trace, as JSON takes it."""
    events = [
        _named("process_name", 0, f"run {material.run}"),
        *(_named("thread_name", number, name) for number, name in _THREADS.items()),
        *_attempts(material),
        *_slices(_epochs(document.epoch_ends(material)), _EPOCHS, "epoch"),
        *_slices(document.phase_stretches(material), _PHASES, "phase"),
        *_slices(_steps(material), _STEPS, "step"),
        *_counters(material),
        *_instants(material),
    ]
    return {
        "traceEvents": events,
        "displayTimeUnit": "ms",
        "otherData": {
            "run": material.run,
            "job": str(material.result.get("job", "")),
            "outcome": str(material.result["outcome"]),
            "started": str(material.result["timing"].get("started", "")),
        },
    }


def _named(what: str, thread: int, name: str) -> Event:
    return {"ph": "M", "name": what, "pid": 1, "tid": thread, "args": {"name": printable(name)}}


def _slice(name: str, thread: int, kind: str, begin_s: float, seconds: float, **args: Any) -> Event:
    return {
        "ph": "X",
        "name": printable(name),
        "cat": kind,
        "pid": 1,
        "tid": thread,
        "ts": _us(begin_s),
        "dur": max(0, _us(seconds)),
        "args": args,
    }


def _attempts(material: Material) -> Iterator[Event]:
    for one in material.result["attempts"]:
        begin_s, seconds = one.get("began_s") or 0.0, one.get("seconds")
        if seconds is None:
            seconds = (material.result["timing"].get("ended_s") or 0.0) - begin_s
        name = f"attempt {one['n']}: {one['outcome']}"
        changed = {str(key): str(pair) for key, pair in (one.get("changed") or {}).items()}
        yield _slice(name, _ATTEMPTS, "attempt", begin_s, seconds, changed_after=changed)


def _epochs(ends: Sequence[tuple[float, Number]]) -> Iterator[Stretch]:
    begin_s = 0.0
    for at_s, value in ends:
        yield Stretch(f"epoch {value:g}", begin_s, at_s)
        begin_s = at_s


def _slices(parts: Iterable[Stretch], thread: int, kind: str) -> list[Event]:
    """The longest, where there are too many to be shown."""
    kept = list(parts)
    if len(kept) > _MOST_SLICES:
        kept = sorted(kept, key=lambda part: -part.seconds)[:_MOST_SLICES]
        kept.sort(key=lambda part: part.begin_s)
    return [_slice(part.name, thread, kind, part.begin_s, part.seconds) for part in kept]


def _steps(material: Material) -> list[Stretch]:
    samples = material.samples
    if len(samples) < 2 or not timeline.risen(samples.step):
        return []
    names = [f"step {step}" if step else "" for step in samples.step]
    return timeline.stretches(samples.at_s, names, samples.at_s[-1])


def _counters(material: Material) -> Iterator[Event]:
    for column in material.samples.columns:
        kind, _, index = column.partition(".")
        name = f"GPU {index} used" if kind == "device_used" else _COUNTERS.get(column, column)
        yield from _counter(f"{name} (bytes)", material.samples.series(column))
    for series in material.curves:
        yield from _counter(series.name, series)
    yield from _phase_shares(timeline.shares(material.spent, SHARES))


def _phase_shares(found: Shares) -> Iterator[Event]:
    for n, middle_s in enumerate(found.middle_s):
        shares = {name: round(100 * row[n], 1) for name, row in found.parts.items()}
        begin_s = max(0.0, middle_s - found.width_s / 2)
        yield _counted("phases, % of the time", begin_s, shares)


def _counter(name: str, series: Series) -> Iterator[Event]:
    thin = timeline.thinned(series, BUCKETS)
    for at_s, value in zip(thin.at_s, thin.values, strict=True):
        yield _counted(name, at_s, {"value": value})


def _counted(name: str, at_s: float, values: Mapping[str, Number]) -> Event:
    args = {printable(what): value for what, value in values.items()}
    return {"ph": "C", "name": printable(name), "pid": 1, "ts": _us(at_s), "args": args}


def _instants(material: Material) -> Iterator[Event]:
    for event in material.events:
        if event.at_s is not None:
            yield _instant(event.kind, event.at_s, "p", text=printable(event.text))
    for one in material.result["attempts"]:
        for sent in one.get("sent") or ():
            name = f"{_signal_name(sent['signal'])} to {sent['pid']}"
            yield _instant(
                name, (one.get("began_s") or 0.0) + sent["at_s"], "t", why=printable(sent["why"])
            )


def _instant(name: str, at_s: float, scope: str, **args: str) -> Event:
    return {
        "ph": "i",
        "name": printable(name),
        "cat": "event",
        "s": scope,
        "pid": 1,
        "tid": _ATTEMPTS,
        "ts": _us(at_s),
        "args": args,
    }


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _us(seconds: float) -> int:
    return round(1_000_000 * seconds)


def content(material: Material) -> Mapping[str, Any]:
    """Everything of the report, for programs: what ``report --format json`` writes."""
    return {
        "schema": 1,
        "run": material.run,
        "state": material.state,
        "description": material.description,
        "result": material.result,
        "timeline": {
            column: _points(material.samples.series(column)) for column in material.samples.columns
        },
        "phases": [
            [part.name, round(part.begin_s, 3), round(part.end_s, 3)]
            for part in document.phase_stretches(material)[:_MOST_SLICES]
        ],
        "spent": [
            {
                "begin_s": round(mix.begin_s, 3),
                "end_s": round(mix.end_s, 3),
                "seconds": {name: round(s, 3) for name, s in mix.parts.items()},
            }
            for mix in material.spent
        ],
        "held": material.held,
        "at_oom": material.at_oom,
        "curves": {series.name: _points(series) for series in material.curves},
        "events": [
            {"attempt": e.attempt, "at_s": e.at_s, "kind": e.kind, "text": e.text}
            for e in material.events
        ],
        "output": material.output,
        "stacks": material.stacks,
        "missing": list(material.missing),
    }


def _points(series: Series) -> dict[str, Any]:
    thin = timeline.thinned(series, BUCKETS)
    return {"at_s": [round(at, 3) for at in thin.at_s], "values": list(thin.values)}
