"""The labelled endings of real failed jobs, where they are at hand, read as ``explain`` does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.explain import explain

LABELLED = Path(__file__).resolve().parents[3] / "shared" / "failures" / "failures.jsonl"

pytestmark = pytest.mark.skipif(
    not LABELLED.is_file(), reason=f"the labelled failures are not at {LABELLED}"
)


def cases() -> list[dict[str, Any]]:
    return [json.loads(line) for line in LABELLED.read_text().splitlines()]


def test_nearly_all_are_exactly_right_and_all_in_their_class() -> None:
    exact, strange = [], []
    found = [(case, explain(case["text"], case["exit"]).outcome) for case in cases()]
    for case, outcome in found:
        labels = {case["outcome"], *case["also"]}
        if outcome in labels:
            exact.append(case["id"])
        if outcome.partition(".")[0] not in {label.partition(".")[0] for label in labels}:
            strange.append((case["id"], outcome))
    assert not strange
    assert len(exact) / len(found) >= 0.98


def test_no_success_is_called_a_failure() -> None:
    good = [case for case in cases() if case["outcome"] == "ok"]
    assert good
    assert {explain(case["text"], case["exit"]).outcome for case in good} == {"ok"}
