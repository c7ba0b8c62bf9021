"""What held the peaks of the tensors, from a file that the job wrote."""

from __future__ import annotations

from typing import Any

import pytest

from runner.report import held, oom
from runner.report.blocks import Chart, Part, Table, Text, Tree
from tests.runner.reported import HELD, MIB


def test_the_file_of_a_job_becomes_bars_a_tree_and_a_table() -> None:
    blocks = held.blocks(HELD)
    charts = [block.name for block in blocks if isinstance(block, Chart)]
    assert charts == ["held", "modules"]
    kinds, largest = (block for block in blocks if isinstance(block, Table))
    assert kinds.head == ("kind", "steady step", "first step", "evaluate")
    assert kinds.rows[0] == ("parameters", "90.0 MiB", "90.0 MiB", "90.0 MiB")
    assert kinds.rows[-1] == ("all", "400.0 MiB", "300.0 MiB", "90.0 MiB")
    assert largest.rows == [("7.0 MiB", "activations", "encoder.0", "forward", "not told")]
    [tree] = (block for block in blocks if isinstance(block, Tree))
    encoder = Part("encoder", 250 * MIB, (Part("0", 200 * MIB),))
    assert tree.root.children == (encoder, Part("decoder", 50 * MIB))


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"steady": None},
        {"steady": {"by_kind": {"parameters": "many"}}},
        {"steady": {"by_kind": [1], "by_module": 3, "largest": {}}},
        {"phases": [1, 2]},
        {"steady": {"by_kind": {"parameters": -5}}},
        {"steady": {"by_kind": {"parameters": True}}},
    ],
)
def test_what_is_not_as_expected_tells_nothing(found: dict[str, Any]) -> None:
    assert held.blocks(found) == []


def test_a_module_whose_parent_is_missing_is_left_out() -> None:
    root = held.tree({"": 9, "a": 5, "b.c": 3, "." * 40: 1}, "all")
    assert root == Part("all", 9, (Part("a", 5),))


def test_largest_allocations_of_a_full_device_become_a_table() -> None:
    one = {"bytes": 64 * MIB, "device": 0, "stack": ["models/unet.py:57 forward", "train.py:9 run"]}
    told = {"allocations": 1200, "allocated": 900 * MIB, "largest": [one, {"bytes": "many"}, 7]}
    [table] = (block for block in oom.blocks(told) if isinstance(block, Table))
    assert table.rows == [("64.0 MiB", "0", "models/unet.py:57 forward ← train.py:9 run")]
    [said] = (block.words for block in oom.blocks(told) if isinstance(block, Text))
    assert said.startswith("1,200 live allocations of 900.0 MiB in all.")


@pytest.mark.parametrize("told", [{}, {"largest": 3}, {"largest": [None]}, {"largest": []}])
def test_file_of_a_full_device_that_tells_nothing_is_left_out(told: dict[str, Any]) -> None:
    assert oom.blocks(told) == []
