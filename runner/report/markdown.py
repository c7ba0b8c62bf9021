"""``report.md``: the run on one page, for a pull request. Everything that a job printed is hostile
text here. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from runner.console import printable
from runner.report import oom
from runner.report.blocks import (
    Block,
    Chart,
    Code,
    Document,
    Heading,
    Items,
    Part,
    Row,
    Table,
    Text,
    Tree,
)
from runner.units import size

_OUTPUT_LINES = 40
_TREE_LINES, _TREE_DEPTH = 40, 2


def render(document: Document) -> str:
    """The page."""
    parts = [
        f"# {document.title} {escape(document.run)}",
        f"**{escape(document.outcome)}** — {escape(document.meaning)}.",
        escape(document.subtitle),
        " · ".join(
            f"{escape(card.what)} **{escape(card.value)}**"
            + (f" ({escape(card.detail)})" if card.detail else "")
            for card in document.cards
        ),
    ]
    for section in document.sections:
        shown = [text for block in section.blocks if (text := _block(block))]
        parts += [f"## {section.title}", *shown]
    return "\n\n".join(part for part in parts if part) + "\n"


def _block(block: Block) -> str:
    match block:
        case Text(words):
            return escape(words)
        case Heading(words):
            return f"### {escape(words)}"
        case Table(head, rows):
            return _table(head, rows) if rows else ""
        case Items(lines):
            return "\n".join(f"- {escape(line)}" for line in lines)
        case Code(text):
            return fenced(block.shown(_OUTPUT_LINES)) if text.strip() else ""
        case Chart():
            return "" if block.has_table else f"*{escape(block.says)}*"
        case Tree(root):
            return "\n".join(_branches(root, 0)[:_TREE_LINES])


def _branches(part: Part, depth: int) -> list[str]:
    found = [f"{'  ' * depth}- {escape(part.name)}: {size(part.size)}"]
    for child in part.children if depth < _TREE_DEPTH else ():
        found += _branches(child, depth + 1)
    return found


def escape(text: str) -> str:
    """Text that Markdown, HTML and GitHub leave as it is: it makes nobody known, no link and no
    formula. Our own address alone becomes a link."""
    parts = printable(text).split(oom.VIEWER)
    return f"<{oom.VIEWER}>".join(map(_inert, parts))


def _inert(text: str) -> str:
    marked = re.sub(r"([\\`*_{}\[\]<>#|~&!])", r"\\\1", text)
    # GitHub looks for these after Markdown is done, where neither a backslash nor a character
    # reference is left to see; an empty comment still divides the text.
    divided = re.sub(
        r"@|#(?=\d)|(?i:\bGH-)(?=\d)|:(?=//)|(?i:\bwww)(?=\.)", r"\g<0><!-- -->", marked
    )
    # What its documentation names for a dollar that begins no formula.
    return divided.replace("$", "<span>$</span>")


def fenced(lines: Iterable[str]) -> str:
    """A code block whose fence is longer than any in the text."""
    shown = [printable(line) for line in lines]
    longest = max((len(run) for line in shown for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}text", *shown, fence])


def _table(head: Row, rows: Iterable[Row]) -> str:
    lines = ["| " + " | ".join(map(escape, head)) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(map(escape, row)) + " |" for row in rows]
    return "\n".join(lines)
