"""Figures over time, as plain dictionaries of plotly: memory, phases, the job's numbers. Pure.

A quantity is told apart by its colour and by its dash or pattern; the words beside a figure say
what matters without either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runner.report import timeline
from runner.report.bars import PALETTE, pattern, plain, rounded, scale
from runner.report.blocks import Chart
from runner.report.timeline import Samples, Series, Shares
from runner.units import duration, size

_HOST: tuple[tuple[str, str, str, float], ...] = (
    ("host_pss", "PSS", "solid", 2.5),
    ("host_rss", "RSS", "dot", 1.5),
    ("host_uss", "USS", "dash", 1.5),
    ("shm", "in /dev/shm", "dashdot", 1.5),
)
_TORCH: tuple[tuple[str, str, str, float], ...] = (
    ("torch_reserved", "reserved by torch", "dash", 1.5),
    ("torch_allocated", "allocated by torch", "dot", 1.5),
)
_MOST_ROWS = 24
_MOST_POINTS = 60_000
"""Of all curves together, about 1.5 MB: the more there are, the fewer has each."""
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_BETWEEN, _ABOVE, _BELOW = 40, 30, 28
"""Pixels between two rows of a figure, above the first and below the last."""
_CLOCK, _DAYS, _DAY_S = "%-H:%M:%S", "day %-j %-H:%M:%S", 86400
_ZERO_MS = 978_307_200_000
"""2001-01-01. Plotly would take small numbers for years."""


@dataclass(frozen=True)
class Mark:
    """A moment worth a line through the figure."""

    at_s: float
    text: str
    kind: str = "note"
    """attempt, stall, epoch or note."""


@dataclass(frozen=True)
class _Line:
    series: Series
    name: str
    dash: str
    width: float


@dataclass(frozen=True)
class _Row:
    """One of the figures that share the axis of time."""

    title: str
    traces: Sequence[Mapping[str, Any]]
    axis: Mapping[str, Any]
    weight: float = 1.0


def memory(samples: Samples, parts: Shares, marks: Sequence[Mark], end_s: float) -> Chart | None:
    """Host and device memory and the phases over one axis of time; None without samples."""
    host = [_Line(samples.series(how[0]), *how[1:]) for how in _HOST]
    devices = [
        _Line(samples.series(name), f"GPU {name.partition('.')[2]}, everybody", "solid", 2.5)
        for name in samples.columns
        if name.startswith("device_used.")
    ]
    devices += [_Line(samples.series(how[0]), *how[1:]) for how in _TORCH]
    rows = [
        row
        for row in (
            _bytes_row("host", host, end_s),
            _bytes_row("device", devices, end_s),
            _phase_row(parts),
        )
        if row is not None
    ]
    if not rows:
        return None
    says = "Memory over time. " + " ".join(
        f"{line.name}: at most {size(peak[1])}, after {duration(peak[0])}."
        for line in [*host, *devices]
        if (peak := line.series.peak()) is not None
    )
    return _stacked("timeline", says, rows, marks, end_s)


def _bytes_row(title: str, lines: Sequence[_Line], end_s: float) -> _Row | None:
    lines = [line for line in lines if line.series.values]
    if not lines:
        return None
    largest = max(max(line.series.values) for line in lines)
    unit, words = scale(largest)
    traces = []
    for n, line in enumerate(lines):
        thin = timeline.thinned(line.series)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": line.name if title == "device" else f"{title} {line.name}",
                "x": _times(thin.at_s),
                "y": [rounded(value / unit) for value in thin.values],
                "line": {
                    "color": f"@{line.series.name.partition('.')[0]}",
                    "dash": line.dash,
                    "width": line.width,
                },
                "hovertemplate": f"%{{y:.4~g}} {words}",
                "legendrank": n,
            }
        )
    traces.append(_peak_of(lines[0].series, unit, end_s))
    axis = {"ticksuffix": f" {words}", "range": [0, 1.15 * largest / unit or 1]}
    return _Row(f"{title} memory", traces, axis, 3.0)


def _peak_of(series: Series, unit: int, end_s: float) -> dict[str, Any]:
    peak = series.peak()
    assert peak is not None
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": _times([peak[0]]),
        "y": [rounded(peak[1] / unit)],
        "text": [f"peak {size(peak[1])}"],
        "textposition": "top left" if peak[0] > 0.5 * end_s else "top right",
        "cliponaxis": False,
        "marker": {"symbol": "diamond", "size": 9, "color": f"@{series.name.partition('.')[0]}"},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _phase_row(parts: Shares) -> _Row | None:
    if not parts.parts:
        return None
    names = list(parts.parts)
    shown = names if len(names) <= PALETTE else names[: PALETTE - 1]
    rows = {name: list(parts.parts[name]) for name in shown}
    if len(shown) < len(names):
        rest = (parts.parts[name] for name in names[len(shown) :])
        rows["other phases"] = [sum(column) for column in zip(*rest, strict=True)]
    traces = [
        {
            "type": "bar",
            "name": plain(name),
            "x": _times(parts.middle_s),
            "width": parts.width_s * 1000,
            "y": [round(100 * share, 1) for share in row],
            "marker": {
                "color": f"@c{n % PALETTE}",
                "line": {"width": 0},
                "pattern": pattern(n, 6),
            },
            "hovertemplate": "%{y:.0f} %",
            "legendgroup": "phases",
        }
        for n, (name, row) in enumerate(rows.items())
    ]
    axis = {"range": [0, 100], "ticksuffix": " %", "tickvals": [0, 50, 100], "fixedrange": True}
    return _Row("phases, share of the time", traces, axis, 1.4)


def curves(found: Sequence[Series], marks: Sequence[Mark], end_s: float) -> Chart | None:
    """The job's own numbers over time, those that belong together in one row; None without."""
    groups: dict[str, list[Series]] = {}
    for series in found:
        if len(series.values) > 1 and not series.name.startswith("bytes."):
            groups.setdefault(_family(series.name), []).append(series)
    rows = []
    count = sum(map(len, groups.values()))
    buckets = min(timeline.BUCKETS, _MOST_POINTS // (2 * max(1, count)))
    for title, members in list(groups.items())[:_MOST_ROWS]:
        alone = len(members) == 1
        traces = [
            _curve(series, n, buckets) | {"showlegend": not alone}
            for n, series in enumerate(members)
        ]
        rows.append(_Row(title, traces, {"zeroline": False, "tickformat": "~g"}, 2.0))
    if not rows:
        return None
    says = "The job's numbers over time. " + " ".join(
        f"{series.name}: from {series.values[0]:.4g} to {series.values[-1]:.4g}, "
        f"at the lowest {min(series.values):.4g}."
        for members in groups.values()
        for series in members
    )
    return _stacked("curves", says, rows, marks, end_s)


def _curve(series: Series, n: int, buckets: int) -> dict[str, Any]:
    thin = timeline.thinned(series, buckets)
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(thin.values) <= 60 else "lines",
        "name": plain(series.name),
        "x": _times(thin.at_s),
        "y": [float(f"{value:.6g}") for value in thin.values],
        "line": {"color": f"@c{n % PALETTE}", "dash": _DASHES[n % len(_DASHES)], "width": 2},
        "marker": {"size": 5},
        "hovertemplate": "%{y:.5~g}",
    }


def _family(name: str) -> str:
    if name == "loss" or name.startswith(("loss_", "loss.")) or name in ("mae", "mae_odd"):
        return "loss and validation MAE"
    stem, dot, _ = name.partition(".")
    return f"{stem} by family" if dot else name.replace("_", " ")


def _stacked(
    name: str, says: str, rows: Sequence[_Row], marks: Sequence[Mark], end_s: float
) -> Chart:
    whole = sum(row.weight for row in rows)
    plot = round(62 * whole) + _BETWEEN * (len(rows) - 1)
    gap = _BETWEEN / plot
    layout: dict[str, Any] = {
        "hovermode": "x unified",
        "barmode": "stack",
        "bargap": 0,
        "dragmode": "zoom",
        "margin": {"l": 8, "r": 16, "t": _ABOVE, "b": _BELOW},
        "xaxis": {
            "type": "date",
            "range": [_at(0), _at(max(end_s, 0.001))],
            "tickformatstops": [
                {"dtickrange": [None, 1000], "value": f"{_CLOCK}.%L"},
                {"dtickrange": [1000, None], "value": _CLOCK if end_s < _DAY_S else _DAYS},
            ],
            "hoverformat": f"{_CLOCK}.%L" if end_s < _DAY_S else _DAYS,
            "anchor": f"y{len(rows)}" if len(rows) > 1 else "y",
            "tickangle": 0,
        },
        "annotations": [],
        "shapes": [],
    }
    data: list[Mapping[str, Any]] = []
    free = 1.0 - gap * (len(rows) - 1)
    top = 1.0
    for n, row in enumerate(rows, 1):
        key = "" if n == 1 else str(n)
        bottom = max(0.0, top - free * row.weight / whole)
        layout[f"yaxis{key}"] = {
            "domain": [bottom, top],
            "automargin": True,
            "nticks": 5,
            **row.axis,
        }
        layout["annotations"].append(
            {
                "text": f"<b>{plain(row.title)}</b>",
                "xref": "paper",
                "yref": "paper",
                "x": 0,
                "y": top,
                "xanchor": "left",
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"size": 13},
            }
        )
        data += [{**trace, "xaxis": "x", "yaxis": f"y{key}"} for trace in row.traces]
        top = bottom - gap
    for mark in (mark for mark in marks if mark.at_s <= end_s):
        layout["shapes"].append(
            {
                "type": "line",
                "xref": "x",
                "yref": "paper",
                "x0": _at(mark.at_s),
                "x1": _at(mark.at_s),
                "y0": 0,
                "y1": 1,
                "line": {
                    "color": f"@{mark.kind}",
                    "width": 1 if mark.kind == "epoch" else 1.5,
                    "dash": {"stall": "solid", "attempt": "dash"}.get(mark.kind, "dot"),
                },
            }
        )
        if mark.text:
            layout["annotations"].append(
                {
                    "name": mark.kind,
                    "text": mark.text,
                    "xref": "x",
                    "yref": "paper",
                    "x": _at(mark.at_s),
                    "y": 0 if mark.kind == "epoch" else 1,
                    "xanchor": "right" if mark.kind in ("epoch", "stall") else "left",
                    "yanchor": "bottom" if mark.kind == "epoch" else "top",
                    "showarrow": False,
                    "font": {"size": 11, "color": f"@{mark.kind}"},
                    "bgcolor": "@paper",
                }
            )
    return Chart(name, says, data, layout, plot + _ABOVE + _BELOW)


def _times(at_s: Sequence[float]) -> list[int]:
    """Milliseconds from a first of January on: plotly has axes of dates, none of durations."""
    return [_at(at) for at in at_s]


def _at(at_s: float) -> int:
    return _ZERO_MS + round(1000 * at_s)
