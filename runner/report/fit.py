"""The tables of ``python -m runner fit``."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from runner.cards import Card
from runner.fit import Asked, Fitted
from runner.prediction import Prediction
from runner.units import size

_HOW = (
    "tensors: the real operators under fake tensors, with CUDA's casts; their bytes are exact.",
    "allocator: torch's caching allocator replayed, from its rounding alone to all that it keeps.",
    "workspaces: cuBLAS by its handles; cuDNN, and what is cached for it, by the largest "
    "allocation of a step and a factor that was measured on an H100.",
    "context: a table of devices, not measured here; earlier runs of the same network, number type "
    "and mode on such a device take its place, and are counted behind it.",
    "total: likely (least - most). The largest batch fits even with the most of every part.",
)


def show(found: Sequence[Fitted], asked: Asked) -> None:
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=160)
    for card in asked.cards:
        _print_card(console, card, found, asked)
    table = Table(title="largest batch that fits", title_justify="left", box=None, pad_edge=False)
    for name in ("model", "dtype", "mode", *(card.name for card in asked.cards)):
        table.add_column(name, justify="left" if name in ("model", "dtype", "mode") else "right")
    for one in found:
        largest = [str(one.largest[card.name] or "none") for card in asked.cards]
        table.add_row(one.model, one.dtype, one.mode, *largest)
    console.print(table)
    console.print()
    for line in _HOW:
        console.print(Text(line, style="dim"))
    worst = max((one.miss for one in found), default=0.0)
    console.print(Text(f"lines through two batches, against a third: {worst:.2%} off", style="dim"))
    for card in asked.cards:
        if not card.native_bf16 and "bf16" in asked.dtypes:
            console.print(Text(f"{card.words} computes bf16 slowly: fp16 is its half precision"))


def _print_card(console: Console, card: Card, found: Sequence[Fitted], asked: Asked) -> None:
    title = f"{card.words}, {size(card.memory)}"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    heads = ("model", "dtype", "mode", "batch", "tensors", "allocator", "workspaces", "context")
    for name in (*heads, "total"):
        table.add_column(name, justify="left" if name in ("model", "dtype", "mode") else "right")
    for one in found:
        for batch in asked.batch_sizes:
            part = one.predictions[card.name][batch]
            total = part.total
            words = f"{size(total.likely)} ({size(total.least)} - {size(total.most)})"
            fits = total.most <= card.memory
            table.add_row(
                one.model,
                one.dtype,
                one.mode,
                str(batch),
                size(part.tensors),
                size(part.allocator.likely),
                size(part.workspaces.likely),
                _context(part, one.context[card.name]),
                Text(words, style="" if fits else "red"),
            )
    console.print(table)
    console.print()


def _context(part: Prediction, whence: str) -> str:
    return f"{size(part.context.likely)} ({whence.removeprefix('history of ')})"
