"""The trace, held against the format that Perfetto reads."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import fields, replace
from typing import Any

import pytest

from runner.report import trace
from runner.report.material import Material
from runner.report.timeline import Series
from tests.runner import reported


def _check(event: dict[str, Any]) -> None:
    """What the "Trace Event Format" asks of an event of each kind."""
    assert isinstance(event["name"], str)
    assert isinstance(event["pid"], int)
    kind = event["ph"]
    if kind != "M":
        assert isinstance(event["ts"], int)
        assert event["ts"] >= 0
    if kind == "M":
        assert event["name"] in ("process_name", "thread_name")
        assert isinstance(event["args"]["name"], str)
    elif kind == "X":
        assert isinstance(event["tid"], int)
        assert event["dur"] >= 0
    elif kind == "C":
        assert event["args"]
        assert all(isinstance(value, int | float) for value in event["args"].values())
    elif kind == "i":
        assert event["s"] in ("g", "p", "t")
    else:
        pytest.fail(f"kind {kind!r} is not used here")


@pytest.mark.parametrize("material", [reported.material(), reported.hostile()], ids=["long", "bad"])
def test_every_event_is_as_the_format_asks(material: Material) -> None:
    made = json.loads(json.dumps(trace.render(material), allow_nan=False))
    assert isinstance(made["traceEvents"], list)
    for event in made["traceEvents"]:
        _check(event)
    assert not any("\x1b" in json.dumps(event) for event in made["traceEvents"])


def test_attempts_phases_memory_stalls_and_signals_are_there() -> None:
    events = trace.render(reported.material())["traceEvents"]
    slices = Counter(event["cat"] for event in events if event["ph"] == "X")
    assert slices["attempt"] == 2
    assert slices["epoch"] == 2
    assert slices["phase"] > 100
    assert slices["step"] > 100
    counters = {event["name"] for event in events if event["ph"] == "C"}
    assert {"host PSS (bytes)", "GPU 0 used (bytes)", "torch allocated (bytes)"} <= counters
    assert {"loss", "mae"} <= counters
    assert {"stall", "SIGTERM to 100"} <= {e["name"] for e in events if e["ph"] == "i"}


def test_json_has_everything_that_a_report_is_made_from() -> None:
    full = replace(
        reported.material(),
        at_oom={"allocations": 9, "largest": [{"bytes": 5, "stack": ["unet.py:57 forward"]}]},
        missing=["a file"],
    )
    made = json.loads(json.dumps(trace.content(full), allow_nan=False))
    names = {{"samples": "timeline"}.get(field.name, field.name) for field in fields(Material)}
    assert names | {"schema", "phases"} == made.keys()
    assert all(made[name] for name in names)
    assert made["at_oom"] == full.at_oom
    first = full.spent[0]
    assert made["spent"][0] == {
        "begin_s": first.begin_s, "end_s": first.end_s, "seconds": first.parts
    }  # fmt: skip


def test_slices_of_a_row_do_not_overlap_and_counters_rise_in_time() -> None:
    events = trace.render(reported.material())["traceEvents"]
    for kind in ("attempt", "epoch", "phase", "step"):
        ends = 0
        for event in (e for e in events if e.get("cat") == kind and e["ph"] == "X"):
            assert event["ts"] >= ends
            ends = event["ts"] + event["dur"] - 1
    times = [e["ts"] for e in events if e["ph"] == "C" and e["name"] == "host PSS (bytes)"]
    assert times == sorted(times)


def test_the_peak_of_a_counter_is_the_peak_of_the_run() -> None:
    events = trace.render(reported.material(30_000, 0.1))["traceEvents"]
    held = [e["args"]["value"] for e in events if e.get("name") == "host PSS (bytes)"]
    assert len(held) <= 2 * trace.BUCKETS + 2
    assert max(held) == int(2.9 * reported.GIB)


@pytest.mark.parametrize(
    ("first", "count"), [(1, 3), (5, 20), (1, 16), (1, 400)], ids=["few", "resumed", "16", "many"]
)
def test_every_epoch_has_the_number_that_the_job_told(first: int, count: int) -> None:
    numbers = list(range(first, first + count))
    told = Series("epoch", [10.0 * (n + 1) for n in range(count)], numbers)
    events = trace.render(replace(reported.material(), curves=[told]))["traceEvents"]
    slices = [event for event in events if event.get("cat") == "epoch"]
    assert [one["name"] for one in slices] == [f"epoch {number}" for number in numbers]
    assert {one["dur"] for one in slices} == {10_000_000}
