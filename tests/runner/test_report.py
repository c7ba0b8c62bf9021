"""Reports from hostile data, and units."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from html import unescape

import pytest
from markdown_it import MarkdownIt

from runner.commands.usage import for_stream
from runner.console import printable
from runner.report import document, markdown, oom
from runner.report.blocks import Code
from runner.units import duration, size
from tests.runner import reported


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


@pytest.mark.parametrize(
    "text",
    [
        "@octocat and a@b.org, (@org/team)",
        "see https://example.org/a_b and ftp://x.y, www.example.org, WWW.x.org",
        "costs $5 and $6, $x^2$, $$y$$, $`z`$",
        "as in #12, octocat/hello#3, GH-4, gh-5",
        "a | b\n<!-- @octocat --> &#64;octocat &commat;octocat \\@octocat",
    ],
)
def test_what_a_job_says_notifies_nobody_and_is_no_link_and_no_formula(text: str) -> None:
    table = f"| a |\n| --- |\n| {markdown.escape(text)} |"
    shown = MarkdownIt("commonmark").enable("table").render(table)
    [cell] = re.findall(r"<td>(.*)</td>", shown)
    # GitHub looks for these in the text of the page, between two elements or comments.
    divided = [unescape(part) for part in re.split(r"<!-- -->|</?span>", cell)]
    assert "".join(divided) == printable(text)
    for part in divided:
        assert not re.search(r"@\w|\w://|(?i:www)\.|#\d|(?i:gh)-\d", part), part
        assert part == "$" or "$" not in part


def test_our_own_address_is_a_link() -> None:
    assert markdown.escape(f"opens in {oom.VIEWER}.") == f"opens in <{oom.VIEWER}>."


def test_head_of_a_table_is_text_too() -> None:
    held = {"phases": {"a | <b> @x": {"by_kind": {"buffers": 1}}}}
    made = markdown.render(document.of_run(replace(reported.material(), held=held)))
    assert "| kind | a \\| \\<b\\> @<!-- -->x |" in made


def test_stream_of_another_encoding_gets_character_references() -> None:
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert for_stream("a — b\n", ascii_only) == "a &#8212; b\n"
    assert for_stream("a — b\n", io.TextIOWrapper(io.BytesIO(), encoding="utf-8")) == "a — b\n"
    assert for_stream("a — b\n", io.StringIO()) == "a — b\n"


def test_line_beyond_measure_is_cut_and_says_so() -> None:
    shown = Code("first\n" + "x" * 2500 + "\n\tlast", 2).shown()
    assert shown == ["x" * 2000 + " … and 500 more", "    last"]
    assert Code("a\nb\nc", 3).shown(1) == ["c"]
