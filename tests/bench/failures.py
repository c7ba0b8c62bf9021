"""How well the labelled endings of real failed jobs are explained, where they are at hand."""

from __future__ import annotations

import json
from pathlib import Path

from runner.explain import explain
from tests.bench.figure import Figure

LABELLED = Path(__file__).resolve().parents[3] / "shared" / "failures" / "failures.jsonl"


def measure() -> list[Figure]:
    """None where the labelled failures are absent."""
    if not LABELLED.is_file():
        print(f"the labelled failures are not at {LABELLED}: not measured")
        return []
    cases = [json.loads(line) for line in LABELLED.read_text().splitlines()]
    exact = right = feared = 0
    for case in cases:
        found = explain(case["text"], case["exit"]).outcome
        labels = {case["outcome"], *case["also"]}
        exact += found in labels
        right += found.partition(".")[0] in {label.partition(".")[0] for label in labels}
        feared += case["outcome"] == "ok" and found != "ok"
    share, of_class = 100 * exact / len(cases), 100 * right / len(cases)
    detail = f"{exact} of {len(cases)} texts; hangs by their stack dumps"
    return [
        Figure("labelled failures, exact", share, "%", ">= 98 %", share >= 98, detail),
        Figure("labelled failures, class", of_class, "%", "100 %", right == len(cases)),
        Figure("successes called a failure", feared, "", "0", feared == 0),
    ]
