"""The labelled endings of real failed jobs, where they are at hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.diagnosis import diagnose
from runner.evidence import Evidence

LABELLED = Path(__file__).resolve().parents[3] / "shared" / "failures" / "failures.jsonl"


@pytest.mark.skipif(not LABELLED.is_file(), reason=f"the labelled failures are not at {LABELLED}")
def test_log_endings_fall_into_the_right_class() -> None:
    right = wrong = 0
    for line in LABELLED.read_text().splitlines():
        case = json.loads(line)
        if case["outcome"].startswith("hang"):
            continue  # a log alone does not show a hang
        status = 1 if case["exit"] is None else case["exit"]
        found = diagnose(Evidence(status, None, output=case["text"])).outcome
        classes = {code.partition(".")[0] for code in (case["outcome"], *case["also"])}
        if found.partition(".")[0] in classes:
            right += 1
        else:
            wrong += 1
        if case["outcome"] == "ok":
            assert found == "ok", case["id"]
    assert right / (right + wrong) >= 0.9
