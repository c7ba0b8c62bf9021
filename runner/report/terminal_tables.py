"""Plain tables on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from runner.console import printable
from runner.report.blocks import Row


def show(head: Row, rows: Sequence[Row], title: str = "") -> None:
    """The first column to the left, the others to the right."""
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=200)
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for n, name in enumerate(head):
        table.add_column(name, justify="right" if n else "left")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console.print(table)
