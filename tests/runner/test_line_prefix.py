"""Whatever a launcher or a logger puts before every line, the end is read the same."""

from __future__ import annotations

import pytest

from runner import line_prefix
from runner.explain import explain
from tests.runner.endings import surroundings, whole
from tests.runner.test_dump_text import DUMPS

PREFIXES = [
    "2026-11-25T01:02:03.123456789Z stderr F ",
    "[1,mpirank:0,algo-1]<stderr>:",
    "11/25/2026 01:02:03 - ERROR - __main__ - ",
    "E1125 01:02:03.123456 812 train.py:77] ",
    "[01:02:03] ERROR ",
    "[gpu01:0] ",
    "Nov 25 01:02:03 gpu01 python[812]: ",
    "[ERROR] ",
]
TRACES = [row for row in [*whole.ENDINGS, *surroundings.ENDINGS] if row[2].startswith("Traceback")]


def before(prefix: str, text: str) -> str:
    return "\n".join(prefix + line for line in text.splitlines())


@pytest.mark.parametrize("prefix", PREFIXES)
def test_words_before_every_line_hide_no_cause(prefix: str) -> None:
    wrong = [
        (outcome, found.outcome, text[-200:])
        for outcome, status, text in TRACES
        if (found := explain(before(prefix, text), status)).outcome != outcome
    ]
    assert not wrong


@pytest.mark.parametrize("prefix", PREFIXES)
def test_words_before_every_line_of_a_dump_hide_nothing(prefix: str) -> None:
    for outcome, text in DUMPS:
        if text.startswith("Thread") and "(LWP" not in text:
            assert explain(before(prefix, text)).outcome == outcome


def test_numbers_in_learned_words_may_differ() -> None:
    lines = [
        "a7| Traceback (most recent call last):",
        'a12|   File "t.py", line 3, in f',
        "a3| KeyError: 1",
        "b3| KeyError: 1",
    ]
    found = [line for line, _ in line_prefix.lines("\n".join(lines))]
    assert found[0].startswith("Traceback")
    assert found[1:] == ['  File "t.py", line 3, in f', "KeyError: 1", "b3| KeyError: 1"]
