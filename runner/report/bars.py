"""Figures of what adds up: stacked bars and trees, as plain dictionaries of plotly. Pure.

A part is told apart by its colour and by its pattern; the tables beside say the same without
either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.console import printable
from runner.report.blocks import Chart, Part
from runner.units import size

PALETTE = 8
_LONGEST = 60
_PATTERNS = ("", "/", "x", ".", "\\", "-", "|", "+")
_MIB, _GIB = 1 << 20, 1 << 30


def stacked(name: str, title: str, kinds: Mapping[str, Mapping[str, int]]) -> Chart | None:
    """Stacked bars: ``{"predicted": {"parameters": bytes, …}, "allocated": …}``."""
    kinds = {bar: parts for bar, parts in kinds.items() if parts}
    if not kinds:
        return None
    names = list(dict.fromkeys(part for parts in kinds.values() for part in parts))
    largest = max(sum(parts.values()) for parts in kinds.values())
    unit, words = scale(largest)
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "name": plain(part),
            "y": [plain(bar) for bar in kinds],
            "x": [rounded(parts.get(part, 0) / unit) for parts in kinds.values()],
            "text": [
                plain(part) if parts.get(part, 0) > 0.12 * largest else ""
                for parts in kinds.values()
            ],
            "textposition": "inside",
            "insidetextanchor": "middle",
            "textangle": 0,
            "constraintext": "none",
            "textfont": {"color": "@on"},
            "marker": {
                "color": f"@c{n % PALETTE}",
                "pattern": pattern(n, 8),
            },
            "hovertemplate": f"%{{x:.4~g}} {words}",
        }
        for n, part in enumerate(names)
    ]
    says = f"{title}. " + " ".join(
        f"{bar}: {size(sum(parts.values()))} — "
        + ", ".join(f"{part} {size(held)}" for part, held in parts.items())
        + "."
        for bar, parts in kinds.items()
    )
    height = 40 + 56 * len(kinds)
    layout = {
        "barmode": "stack",
        "bargap": 0.3,
        "xaxis": {"ticksuffix": f" {words}", "rangemode": "tozero", "nticks": 6},
        "yaxis": {
            "type": "category",
            "autorange": "reversed",
            "automargin": True,
            "fixedrange": True,
        },
        "margin": {"l": 8, "r": 16, "t": 8, "b": 32},
        "hovermode": "closest",
    }
    return Chart(name, says, data, layout, height, has_table=True)


def icicle(name: str, root: Part) -> Chart | None:
    """An icicle: each module below the one that it is part of, as wide as its bytes."""
    if not root.children or root.size <= 0:
        return None
    ids, labels, parents, values, texts = [], [], [], [], []
    waiting: list[tuple[Part, str, str]] = [(root, "0", "")]
    while waiting:
        part, own, parent = waiting.pop(0)
        ids.append(own)
        labels.append(plain(part.name))
        parents.append(parent)
        # What the children say more than their parent would make plotly draw nothing at all.
        values.append(max(part.size, sum(child.size for child in part.children)))
        texts.append(size(part.size))
        waiting += [(child, f"{own}.{n}", own) for n, child in enumerate(part.children)]
    data = [
        {
            "type": "icicle",
            "ids": ids,
            "labels": labels,
            "parents": parents,
            "values": values,
            "text": texts,
            "branchvalues": "total",
            "textinfo": "label+text+percent root",
            "hovertemplate": "%{label}: %{text}, %{percentRoot:.1%} of all<extra></extra>",
            "tiling": {"orientation": "v"},
            "maxdepth": 4,
            "pathbar": {"visible": True},
            "root": {"color": "@rule"},
            "leaf": {"opacity": 1},
            "marker": {"line": {"width": 1, "color": "@paper"}},
        }
    ]
    layout = {
        "margin": {"l": 4, "r": 4, "t": 28, "b": 4},
        "uniformtext": {"minsize": 9, "mode": "hide"},
        "extendiciclecolors": False,
        "iciclecolorway": [f"@c{n}" for n in range(PALETTE)],
    }
    biggest = sorted(root.children, key=lambda child: -child.size)[:5]
    says = f"{root.name} holds {size(root.size)}: " + ", ".join(
        f"{child.name} {size(child.size)}" for child in biggest
    )
    return Chart(name, says, data, layout, 380, has_table=True)


def plain(name: str) -> str:
    """Anybody's text as plotly leaves it: it knows a few elements of HTML, links among them."""
    shown = printable(name)
    shown = shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def pattern(n: int, pixels: int) -> dict[str, Any]:
    """Of the n-th part."""
    return {
        # The ninth has the first's colour, and not its pattern.
        "shape": _PATTERNS[(n + 3 * (n // PALETTE)) % PALETTE],
        "fillmode": "overlay",
        "fgcolor": "@on",
        "fgopacity": 0.35,
        "size": pixels,
        "solidity": 0.18,
    }


def scale(largest: float) -> tuple[int, str]:
    """The unit to show sizes up to ``largest`` bytes in, and its name."""
    return (_GIB, "GiB") if largest >= _GIB else (_MIB, "MiB")


def rounded(value: float) -> float:
    """Five digits: less than a pixel."""
    return float(f"{value:.5g}")
