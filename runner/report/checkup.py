"""The doctor's findings on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from runner.console import printable
from runner.doctor.finding import Level
from runner.preflight import Checkup

_STYLE = {Level.OK: "green", Level.NOTE: "cyan", Level.WARNING: "yellow", Level.PROBLEM: "bold red"}


def show(checkup: Checkup) -> None:
    """Coloured and folded on a terminal, plain lines elsewhere."""
    console = Console(highlight=False, markup=False, emoji=False)
    for line in checkup.done:
        _print(console, Text.assemble(("fixed    ", "green"), printable(line)))
    for finding in checkup.findings:
        head = (f"{finding.level:<9}", _STYLE[finding.level])
        _print(console, Text.assemble(head, printable(finding.what)))
        if finding.level is Level.OK:
            continue
        for label, text in (("why", finding.why), ("mend", finding.mend)):
            if text:
                _print(console, Text.assemble(" " * 9, (f"{label}: ", "dim"), printable(text)))


def _print(console: Console, text: Text) -> None:
    # Elsewhere than on a terminal a line stays one line, for grep.
    console.print(text, soft_wrap=not console.is_terminal)
