"""Tables for the terminal, made with rich; imported only after the job has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from runner.console import printable
from runner.ledger import Event, RunRow
from runner.outcomes import Outcome
from runner.report import content
from runner.report.blocks import Row
from runner.units import duration, size

_COLUMNS = 5
"""Of a ledger that are shown on a terminal; the page has them all."""
_STYLES = {"ok": "green", "interrupted": "yellow", "running": "cyan"}


def show(result: Mapping[str, Any], *, to_stderr: bool, page: str) -> None:
    """The summary of a run."""
    console = _console(to_stderr=to_stderr)
    outcome = Outcome(result["outcome"])
    head = Text()
    head.append(outcome.value, style=f"bold {_STYLES.get(outcome.value, 'red')}")
    head.append(f": {outcome.meaning}; {duration(result['timing']['ended_s'])}")
    console.print(head)
    _print(console, "attempts", content.ATTEMPT_HEAD, content.attempt_rows(result))
    _print(console, "memory", ("peak", "size"), content.peak_rows(result))
    for name, bars in (result.get("ledgers") or {}).items():
        columns, rows = content.ledger_table(dict(list(bars.items())[:_COLUMNS]))
        _print(console, f"ledger: {name}", columns, rows)
    if grew := content.growth_words(result):
        console.print(Text(grew))
    for note in result.get("ledger_notes") or ():
        console.print(Text(printable(note)))
    _print(console, "tensors of the job", ("kind", "size"), content.tensor_rows(result))
    _print(
        console,
        "phases",
        ("phase", "entered", "time", "share", "host peak", "device peak"),
        content.phase_rows(result),
    )
    _print(console, "ranks", content.RANK_HEAD, content.rank_rows(result))
    _print(console, "numbers", ("name", "newest"), content.training_rows(result))
    _print(console, "left behind", ("what", "state"), content.leak_rows(result))
    for title in ("evidence", "advice"):
        for line in result[title]:
            text = line if isinstance(line, str) else f"{line['source']}: {line['text']}"
            console.print(Text(f"{title}: {printable(text)}"))
    for line in result["troubles"]:
        console.print(Text(f"not measured or not kept: {printable(line)}", style="yellow"))
    console.print(Text(f"report: {page}"))


def list_runs(rows: Sequence[RunRow]) -> None:
    """The ledger, newest first."""
    console = _console(to_stderr=False)
    table = Table(box=None, pad_edge=False)
    for name in ("run", "outcome", "time", "host PSS", "device"):
        table.add_column(name, no_wrap=True)
    for row in rows:
        outcome = row.outcome or row.state
        table.add_row(
            Text(printable(row.id)),
            Text(outcome, style=_STYLES.get(outcome, "red")),
            duration(row.seconds),
            size(row.host_pss),
            size(row.device_used) if row.device_used is not None else "-",
        )
    console.print(table)


def list_events(events: Sequence[Event]) -> None:
    """What happened in a run, oldest first."""
    rows: list[Row] = [
        (duration(event.at_s), str(event.attempt), event.kind, event.text) for event in events
    ]
    head = ("after", "attempt", "kind", "what")
    _print(_console(to_stderr=False), "events", head, rows, words=True)


def _console(*, to_stderr: bool) -> Console:
    console = Console(stderr=to_stderr, highlight=False)
    # A file or a pipe has no width to keep to: nothing is cut there.
    return console if console.is_terminal else Console(stderr=to_stderr, highlight=False, width=160)


def _print(
    console: Console, title: str, head: Row, rows: list[Row], *, words: bool = False
) -> None:
    if not rows:
        return
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for n, name in enumerate(head):
        table.add_column(name, justify="left" if n == 0 or words else "right", no_wrap=n != 0)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console.print(table)
