"""Reports from hostile data, and units."""

from __future__ import annotations

import pytest

from runner.console import printable
from runner.report import markdown
from runner.report.blocks import Code
from runner.units import duration, size


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 << 30, "5.0 GiB"), (None, "?")],
)
def test_size(count: int | None, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (59.94, "59.9 s"), (75.2, "1:15"), (3661, "1:01:01"), (None, "?")],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert printable("a\x1b]0;title\x07b\nc\u202ed") == "a�]0;title�b�c�d"


@pytest.mark.parametrize("text", ["```", "````` x", "a ``` b\n````"])
def test_fence_is_longer_than_any_in_the_text(text: str) -> None:
    lines = markdown.fenced(text.splitlines()).splitlines()
    fence = lines[0].removesuffix("text")
    assert lines[-1] == fence
    assert not any(fence in line for line in lines[1:-1])


def test_cells_cannot_leave_their_table_or_become_markup() -> None:
    text = markdown.escape("a | b\n<img src=x onerror=y> [l](u) `c` &lt;")
    assert "\n" not in text
    assert "\\|" in text
    assert "\\<img" in text
    assert "\\[l\\]" in text


def test_line_beyond_measure_is_cut_and_says_so() -> None:
    shown = Code("first\n" + "x" * 2500 + "\n\tlast", 2).shown()
    assert shown == ["x" * 2000 + " … and 500 more", "    last"]
    assert Code("a\nb\nc", 3).shown(1) == ["c"]
