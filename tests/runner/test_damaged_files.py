"""Reports of runs whose files the job, or anybody else, has spoiled: always made, never trusted."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.paths import RunPaths, run_paths
from runner.report import forms, material, pages, told
from tests.runner import reported
from tests.runner.reported import GIB, HELD, LEDGERS, MIB, RUN, TREE

RESULT: dict[str, Any] = json.loads(json.dumps(reported.result(60.0))) | {
    "ledgers": LEDGERS,
    "attribution": TREE,
    "ledger_notes": ["a note"],
    "limit": {"source": "cgroup", "size": 8 * GIB},
    "growth": {
        "workers": 2, "per": "batch", "bytes_per_unit": MIB, "rise": 9 * MIB, "seconds": 30.0,
        "warning": "it grows",
    },
    "ranks": [
        {
            "rank": 0, "pid": 100, "phase": "forward", "step": 7, "seconds": {"data": 1.5},
            "device_allocated": None,
        }
    ],
}  # fmt: skip
ALLOCATION = {"bytes": 64 * MIB, "device": 0, "stack": ["unet.py:57 forward"]}
FILES: dict[str, Any] = {
    "run.json": {
        "job": "train",
        "started": "2026-03-14T09:15:00Z",
        "command": ["python", "-m", "fwi", "train"],
        "machine": {"host": "node1", "memory": 24 * GIB, "packages": {"torch": "2.13.0"}},
    },
    "attempt-2/result.json": RESULT,
    "attempt-2/memory.json": HELD,
    "attempt-2/oom.json": {"allocations": 9, "allocated": GIB, "largest": [ALLOCATION]},
    "attempt-2/curves.jsonl": [1.5, {"loss": 3.0, "epoch": 1.0}],
    "attempt-2/phases.jsonl": [1.5, {"forward": 1.0, "data": 0.5}],
}
ODD: tuple[Any, ...] = (
    None, True, -1, 5, 10**400, 1e308, -1e308, float("nan"), float("inf"), "x", "", [], [1],
    [None], {}, {"x": 1}, {"x": [{}]}, "\ud800",
)  # fmt: skip
Place = tuple[str | int, ...]


def places(found: Any, above: Place = ()) -> Iterator[Place]:
    """Of every value inside, outermost first."""
    if isinstance(found, dict | list):
        for key, inside in found.items() if isinstance(found, dict) else enumerate(found):
            yield (*above, key)
            yield from places(inside, (*above, key))


PLACES = [(name, place) for name, content in FILES.items() for place in places(content)]


def spoiled(content: Any, place: Place, odd: Any, *, removed: bool = False) -> Any:
    content = copy.deepcopy(content)
    inside = content
    for key in place[:-1]:
        inside = inside[key]
    if removed:
        del inside[place[-1]]
    else:
        inside[place[-1]] = odd
    return content


def write(runs: Path, files: dict[str, Any]) -> RunPaths:
    paths = run_paths(runs, RUN)
    for name, content in files.items():
        path = paths.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content) + "\n")
    return paths


def make_all(runs: Path, paths: RunPaths) -> None:
    found = material.gather(runs, paths)
    for form in pages.FORMS.values():
        form(found).encode()


def test_files_as_they_should_be_have_no_damage(tmp_path: Path) -> None:
    found = material.gather(tmp_path, write(tmp_path, FILES))
    assert [said for said in found.missing if "damaged" in said] == []
    assert found.result == RESULT
    assert found.state == "done"


@given(
    st.lists(
        st.tuples(st.sampled_from(PLACES), st.sampled_from(ODD), st.booleans()),
        min_size=1,
        max_size=3,
    )
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_form_is_made_whatever_stands_in_the_files(
    tmp_path: Path, changes: list[tuple[tuple[str, Place], Any, bool]]
) -> None:
    files = dict(FILES)
    for (name, place), odd, removed in changes:
        try:
            files[name] = spoiled(files[name], place, odd, removed=removed)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    make_all(tmp_path, write(tmp_path, files))


@pytest.mark.parametrize(
    "name",
    ["outcome", "evidence", "also", "advice", "attempts", "peaks", "phases", "leaks", "timing",
     "troubles"],
)  # fmt: skip
def test_a_result_that_lacks_a_part_is_damaged_and_not_used(tmp_path: Path, name: str) -> None:
    paths = write(
        tmp_path,
        FILES | {"attempt-2/result.json": spoiled(RESULT, (name,), None, removed=True)},
    )
    found = material.gather(tmp_path, paths)
    assert found.state == "lost"
    assert f"attempt-2/result.json is damaged at {name}" in found.missing
    assert "is damaged at" in pages.FORMS["md"](found)
    make_all(tmp_path, paths)


@pytest.mark.parametrize(
    ("name", "odd", "where"),
    [
        ("command", 5, "the whole of it"),
        ("machine", "x", "the whole of it"),
        ("machine", {"packages": [1]}, "packages"),
        ("machine", {"memory": "x"}, "memory"),
        ("machine", {"shm": 10**400}, "shm"),
        ("job", [], "the whole of it"),
    ],
)
def test_an_odd_field_of_the_description_is_left_out_and_said(
    tmp_path: Path, name: str, odd: Any, where: str
) -> None:
    run = FILES["run.json"]
    paths = write(tmp_path, FILES | {"run.json": {**run, name: odd}})
    found = material.gather(tmp_path, paths)
    assert found.description == {key: value for key, value in run.items() if key != name}
    assert f"run.json is damaged: its {name} is left out, for {where}" in found.missing
    make_all(tmp_path, paths)


@pytest.mark.parametrize(
    "content",
    [
        {"steady": {"by_kind": {"parameters": 10**400}, "by_module": {"": 10**400}}},
        {"steady": {"by_kind": {"parameters": 5}, "largest": [{"bytes": 10**400}]}},
        {"largest": [{"bytes": 10**400}], "allocated": 10**400, "allocations": 10**400},
        {"largest": [ALLOCATION], "allocated": 10**400, "allocations": 1},
        {"steady": {"by_kind": {"parameters": 1 << 60}}},
    ],
)
def test_sizes_beyond_measure_are_none(tmp_path: Path, content: dict[str, Any]) -> None:
    names = {"attempt-2/memory.json": content, "attempt-2/oom.json": content}
    make_all(tmp_path, write(tmp_path, FILES | names))


def test_json_that_is_too_deep_is_damaged(tmp_path: Path) -> None:
    deep: Any = 1
    for _ in range(500):
        deep = [deep]
    paths = write(tmp_path, FILES | {"run.json": {"machine": {"host": deep}}})
    assert "run.json is missing or damaged" in material.gather(tmp_path, paths).missing
    make_all(tmp_path, paths)


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (0, 0),
        (5, 5),
        (5.5, 5),
        ((1 << 60) - 1, (1 << 60) - 1),
        (1 << 60, None),
        (-1, None),
        (True, None),
        ("5", None),
        (None, None),
        (float("nan"), None),
        (float("inf"), None),
        (10**400, None),
    ],
)
def test_size_is_told_by_a_number_within_reason(value: Any, size: int | None) -> None:
    assert told.size(value) == size


def test_place_of_what_is_wrong_is_named() -> None:
    odd = spoiled(RESULT, ("attempts", 1, "peaks", "device_used", "0"), "much")
    assert told.place(forms.RESULT, odd) == "attempts.1.peaks.device_used.0"
    assert told.place(forms.RESULT, []) == "the whole of it"
