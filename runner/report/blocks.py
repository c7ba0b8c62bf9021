"""What a report is made of, whatever it is shown as: sections of tables, lists, text and charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = tuple[str, ...]
_LONGEST_LINE = 2000


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    words: str


@dataclass(frozen=True)
class Heading:
    """Of what follows, within a section."""

    words: str


@dataclass(frozen=True)
class Table:
    head: Row
    rows: Sequence[Row]


@dataclass(frozen=True)
class Items:
    """A list; each line of text a point."""

    lines: Sequence[str]


@dataclass(frozen=True)
class Code:
    """The last ``lines`` of what a program printed, letter by letter."""

    text: str
    lines: int

    def shown(self, most: int | None = None) -> list[str]:
        """The last of its lines, at most ``most``, without tabs. Of a long line the begin
        and how much more there is."""
        lines = self.text.splitlines()[-min(self.lines, most or self.lines) :]
        return [
            line[:_LONGEST_LINE].expandtabs(4)
            + (f" … and {more:,} more" if (more := len(line) - _LONGEST_LINE) > 0 else "")
            for line in lines
        ]


@dataclass(frozen=True)
class Chart:
    """A figure of plotly as plain dictionaries. Colours are names such as ``@host_pss``: the page
    has one for a light and one for a dark background."""

    name: str
    """Letters, digits and ``-``: its place on the page."""
    says: str
    """What can be seen, for those who cannot."""
    data: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any]
    height: int
    """Pixels, without the legend."""
    has_table: bool = False
    """Whether what stands below it says the same in words."""


@dataclass(frozen=True)
class Part:
    """A node of a tree of bytes; its own size includes that of its children."""

    name: str
    size: int
    children: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Tree:
    root: Part


Block = Text | Heading | Table | Items | Code | Chart | Tree


@dataclass(frozen=True)
class Section:
    name: str
    """Letters, digits and ``-``: its anchor on the page."""
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Card:
    """One number at the head of the page."""

    what: str
    value: str
    detail: str = ""


@dataclass(frozen=True)
class Document:
    """A report."""

    run: str
    outcome: str
    """The code, or ``running``."""
    meaning: str
    subtitle: str
    cards: Sequence[Card]
    sections: Sequence[Section]
    title: str = "Run"
    """What it is a report of."""

    @property
    def charts(self) -> list[Chart]:
        """In their order on the page."""
        return [b for section in self.sections for b in section.blocks if isinstance(b, Chart)]
