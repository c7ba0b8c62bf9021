"""What programs read stays JSON, whatever numbers a job leaves."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner import machine_json
from tests.runner.conftest import Supervised
from tests.runner.test_pages import runner

NAN, INF = float("nan"), float("inf")
DIVERGED = """
from probes import pulse
pulse.attach()
pulse.gauge("loss", float("nan"))
pulse.gauge("mae", float("inf"))
pulse.gauge("lr", -float("inf"))
pulse.gauge("samples_per_s", 2.5)
pulse.beat(1, 3)
raise RuntimeError("the loss is no number")
"""
LEFT = {"loss": None, "lr": None, "mae": None, "samples_per_s": 2.5}


def read(text: str) -> Any:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"a": 1.5, "b": [2, None, "NaN"]}, {"a": 1.5, "b": [2, None, "NaN"]}),
        ({"a": NAN, "b": INF, "c": -INF, "d": 0.0}, {"a": None, "b": None, "c": None, "d": 0.0}),
        ([{"a": (NAN, {"b": [INF]})}], [{"a": [None, {"b": [None]}]}]),
        (NAN, None),
    ],
)
@pytest.mark.parametrize("how", [{}, {"indent": 2}, {"is_compact": True}])
def test_numbers_that_are_not_finite_are_null_and_keys_stay(
    content: Any, expected: Any, how: dict[str, Any]
) -> None:
    assert read(machine_json.dumps(content, **how)) == expected


def test_a_run_that_diverged_leaves_valid_json_everywhere(
    supervise: Callable[..., Supervised], runs: Path
) -> None:
    run = supervise([sys.executable, "-c", DIVERGED])
    assert run.result["gauges"] == LEFT
    assert read((run.folder / "attempt-1" / "result.json").read_text())["gauges"] == LEFT
    shown = runner(runs, "show", "last", "--json")
    assert read(shown.stdout)["gauges"] == LEFT
    told = runner(runs, "report", "last", "--format", "json", "--out", "-")
    assert read(told.stdout)["result"]["gauges"] == LEFT
    assert read((run.folder / "trace.json").read_text())["traceEvents"]
    # And what reads it back takes the null for what it stands for.
    for command in (("show", "last"), ("report", "last", "--format", "md", "--out", "-")):
        said = runner(runs, *command)
        assert (said.returncode, said.stderr) == (0, "")
        assert "not finite" in said.stdout
        assert "damaged" not in said.stdout
