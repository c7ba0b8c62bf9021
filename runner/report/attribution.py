"""What holds the memory, as stacked bars and trees made from plain dictionaries.

``ledgers`` of a result holds stacked bars, each a column of what adds up to it::

    {"host": {"peak": {"main process": bytes, "workers": bytes, …}},
     "device": {"predicted": {"parameters": bytes, …}, "allocated": {…}, "reserved": {…}}}

``attribution`` holds trees: ``{"name": "model", "bytes": 123, "children": [{…}, …]}``, one or, by
title, several. Names come from the job: nothing of them is trusted. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from runner.report import bars, content, told
from runner.report.blocks import Block, Chart, Heading, Part, Table, Tree

_DEEPEST = 32
_MOST_PARTS = 2000
_MOST_BARS = 40
_MOST_NAMES = 60


def tensors(result: Mapping[str, Any]) -> list[Block]:
    """What the job's own tensors hold."""
    gauges = result.get("gauges", {})
    parts = {
        words: held
        for name, words in content.LEDGER
        if (held := told.size(gauges.get(name))) is not None
    }
    title = "Tensors of the job"
    table = Table(("kind", "size"), content.tensor_rows(result))
    chart = bars.stacked("tensors", title, {"tensors": parts}) if len(parts) > 1 else None
    return _with(title, table, chart)


def holders(result: Mapping[str, Any]) -> list[Block]:
    """Which processes held the host's memory at its peak."""
    held = result["peaks"].get("host_holders") or []
    parts = {f"{one['name']} ({one['pid']})": int(one["bytes"]) for one in held}
    title = "Processes at the host's peak"
    table = Table(("process", "size"), content.holder_rows(result))
    chart = bars.stacked("holders", title, {"host peak": parts}) if len(parts) > 1 else None
    return _with(title, table, chart)


def ledgers(result: Mapping[str, Any]) -> list[Block]:
    """Every ledger and every tree that the result has."""
    blocks: list[Block] = []
    found = result.get("ledgers")
    for title, kinds in _items(found)[:_MOST_BARS]:
        stacked = {str(bar): _sizes(parts) for bar, parts in _items(kinds)[:_MOST_BARS]}
        head, rows = content.ledger_table(stacked)
        table = Table(head, rows)
        blocks += _with(
            str(title), table, bars.stacked(f"ledger-{_anchor(title)}", str(title), stacked)
        )
    for title, tree in islice(_trees(result.get("attribution")), _MOST_BARS):
        chart = bars.icicle(f"tree-{_anchor(title)}", tree)
        blocks += [Heading(title), *([chart] if chart else []), Tree(tree)]
    return blocks


def _with(title: str, table: Table, chart: Chart | None) -> list[Block]:
    if not table.rows:
        return []
    return [Heading(title), *([chart] if chart is not None else []), table]


def _items(kinds: Any) -> list[tuple[Any, Any]]:
    return list(kinds.items()) if isinstance(kinds, dict) else []


def _sizes(parts: Any) -> dict[str, int]:
    """In the order that they have; the smallest are left out where there are too many."""
    held = {str(name): n for name, value in _items(parts) if (n := told.size(value)) is not None}
    kept = set(sorted(held, key=lambda name: -held[name])[:_MOST_NAMES])
    return {name: n for name, n in held.items() if name in kept}


def _trees(found: Any) -> Iterator[tuple[str, Part]]:
    if not isinstance(found, dict):
        return
    named = {"Attribution": found} if "children" in found else found
    for title, tree in named.items():
        if isinstance(tree, dict):
            yield str(title), part_of(tree)


def part_of(tree: Mapping[str, Any]) -> Part:
    """A tree of plain dictionaries as parts, the largest first; what is too deep or too much is
    left out, and so is what is no node."""
    left = [_MOST_PARTS]

    def make(node: Mapping[str, Any], depth: int) -> Part:
        left[0] -= 1
        children = []
        raw = node.get("children")
        for child in raw if isinstance(raw, list) and depth < _DEEPEST else ():
            if isinstance(child, dict) and left[0] > 0:
                children.append(make(child, depth + 1))
        own = told.size(node.get("bytes")) or 0
        return Part(
            str(node.get("name", "?")), own, tuple(sorted(children, key=lambda part: -part.size))
        )

    return make(tree, 0)


def _anchor(title: Any) -> str:
    return re.sub(r"[^a-z0-9]+", "-", str(title).lower()).strip("-") or "other"
