"""What held the peaks of a job's tensors, from ``memory.json`` of an attempt: bars by kind, a tree
by module, the largest allocations. The job wrote the file: nothing in it is trusted. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.report import bars, oom, told
from runner.report.blocks import Block, Heading, Part, Row, Table, Text, Tree
from runner.units import size

_KINDS = (
    "parameters",
    "buffers",
    "gradients",
    "optimizer",
    "ema",
    "inputs",
    "activations",
    "temporaries",
)
_MOST_PEAKS = 12
_MOST_MODULES = 1000
_MOST_ALLOCATIONS = 20
_DEEPEST = 32


def blocks(found: Mapping[str, Any]) -> list[Block]:
    """Everything that the file tells; nothing where it tells nothing."""
    peaks = _peaks(found)
    kinds = {name: _kinds(peak) for name, peak in peaks.items()}
    kinds = {name: parts for name, parts in kinds.items() if parts}
    if not kinds:
        return []
    there = [kind for kind in _KINDS if any(kind in parts for parts in kinds.values())]
    rows: list[Row] = [
        (kind, *(size(parts[kind]) if kind in parts else "-" for parts in kinds.values()))
        for kind in there
    ]
    rows.append(("all", *(size(sum(parts.values())) for parts in kinds.values())))
    made: list[Block] = [
        Heading("What held the peaks of the tensors"),
        Text("Bytes of tensors, each peak by what it was made of."),
    ]
    chart = bars.stacked("held", "What held the peaks of the tensors", kinds)
    made += [chart] if chart is not None else []
    made.append(Table(("kind", *kinds), rows))
    name = next(iter(kinds))
    root = tree(_sizes(peaks[name].get("by_module")), f"all, {name}")
    if root.children:
        icicle = bars.icicle("modules", root)
        made += [Heading(f"The same by module, {name}"), *([icicle] if icicle else []), Tree(root)]
    largest = _largest(peaks[name])
    if largest:
        head = ("size", "kind", "module", "phase", "made at, the innermost first")
        made += [Heading(f"The largest allocations, {name}"), Table(head, largest)]
    return made


def _peaks(found: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Those of steps first: what a job is sized by."""
    words = {
        "unfinished": "first step, unfinished",
        "steady": "steady step",
        "first": "first step",
    }
    peaks = {said: found[name] for name, said in words.items() if name in found}
    phases = found.get("phases")
    peaks |= {str(k): v for k, v in phases.items()} if isinstance(phases, dict) else {}
    return {k: v for k, v in list(peaks.items())[:_MOST_PEAKS] if isinstance(v, dict)}


def _kinds(peak: Mapping[str, Any]) -> dict[str, int]:
    parts = _sizes(peak.get("by_kind"))
    return {kind: parts[kind] for kind in _KINDS if kind in parts}


def _sizes(found: Any) -> dict[str, int]:
    items = found.items() if isinstance(found, dict) else ()
    return {str(name): held for name, value in items if (held := told.size(value))}


def tree(by_module: Mapping[str, int], title: str) -> Part:
    """From bytes by qualified name, each with all that is inside it; ``""`` is everything."""
    names = sorted(by_module, key=lambda name: -by_module[name])[:_MOST_MODULES]
    inside: dict[str, list[str]] = {}
    for name in names:
        if name and name.count(".") < _DEEPEST:
            inside.setdefault(name.rpartition(".")[0], []).append(name)

    def make(name: str) -> Part:
        own = name.rpartition(".")[2] if name else title
        return Part(own, by_module.get(name, 0), tuple(make(one) for one in inside.get(name, ())))

    return make("")


def _largest(peak: Mapping[str, Any]) -> list[Row]:
    found = peak.get("largest")
    rows = [one for one in (found if isinstance(found, list) else ()) if isinstance(one, dict)]
    return [
        (
            size(held),
            str(one.get("kind", "?")),
            str(one.get("module") or "outside of every module"),
            str(one.get("phase", "?")),
            oom.stack(one.get("stack")),
        )
        for one in rows[:_MOST_ALLOCATIONS]
        if (held := told.size(one.get("bytes"))) is not None
    ]
