"""The figures of a profile, as plain dictionaries of plotly. Pure.

A network is told apart by its colour, a precision by its dash, a mode by its marker; the table
beside says the same in words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from runner.profiling.row import Row
from runner.report import bars
from runner.report.bars import PALETTE, plain, rounded, scale
from runner.report.blocks import Chart
from runner.units import size

_DASHES = {"fp32": "solid", "bf16": "dash", "fp16": "dot"}
_SIGNS = {"train": "circle", "infer": "diamond"}
_MOST_BARS = 24


def peak_by_batch(rows: Sequence[Row]) -> Chart | None:
    """A line for each network, precision, mode and number of workers."""
    rows = [row for row in rows if row.held is not None]
    if not rows:
        return None
    unit, words = scale(max(row.held or 0 for row in rows))
    data = [
        _line(series, rows, "lines+markers", lambda row: row.configuration.batch_size, unit)
        | {"hovertemplate": f"batch %{{x}}: %{{y:.4~g}} {words}"}
        for series in _series(rows)
    ]
    batches = sorted({row.configuration.batch_size for row in rows})
    layout = _layout("samples a step", f"peak, {words}")
    layout["xaxis"] |= {
        "type": "log",
        "tickvals": batches,
        "ticktext": [str(one) for one in batches],
    }
    layout["yaxis"]["rangemode"] = "tozero"
    says = "Peak by batch. " + " ".join(_said(series, rows) for series in _series(rows))
    return Chart("peaks", says, data, layout, 380)


def throughput(rows: Sequence[Row]) -> Chart | None:
    """Samples a second against the peak."""
    rows = [row for row in rows if row.held is not None and row.samples_per_s]
    if not rows:
        return None
    unit, words = scale(max(row.held or 0 for row in rows))
    data = []
    for series in _series(rows):
        points = _of(series, rows)
        data.append(
            _line(series, rows, "lines+markers", lambda row: rounded((row.held or 0) / unit), 1)
            | {
                "y": [rounded(row.samples_per_s or 0.0) for row in points],
                "text": [f"batch {row.configuration.batch_size}" for row in points],
                "hovertemplate": f"%{{text}}: %{{y:.3~g}} samples/s, %{{x:.4~g}} {words}",
            }
        )
    layout = _layout(f"peak, {words}", "samples/s")
    layout["yaxis"] |= {"type": "log", "dtick": "D2"}
    fastest = max(rows, key=lambda row: row.samples_per_s or 0.0)
    says = (
        f"Throughput against the peak. The fastest: {fastest.configuration.words}, "
        f"{fastest.samples_per_s:.3g} samples/s with {size(fastest.held)}."
    )
    return Chart("throughput", says, data, layout, 380)


def attribution(rows: Sequence[Row]) -> Chart | None:
    """What held the peak of the steady step, a bar a configuration."""
    shown = sorted((row for row in rows if row.steady), key=lambda row: -(row.tensors or 0))[
        :_MOST_BARS
    ]
    kinds = {row.configuration.key: dict(row.steady["by_kind"]) for row in shown}
    return bars.stacked("kinds", "What held the peak of the steady step", kinds)


def predicted(rows: Sequence[Row]) -> Chart | None:
    """Predicted against measured; a point on the line was predicted exactly."""
    pairs = [
        (row, row.predicted.total[1], row.held)
        for row in rows
        if row.predicted is not None and row.held is not None
    ]
    if not pairs:
        return None
    unit, words = scale(max(max(likely, held) for _, likely, held in pairs))
    low = 0.8 * min(min(likely, held) for _, likely, held in pairs) / unit
    high = 1.25 * max(max(likely, held) for _, likely, held in pairs) / unit
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "as predicted",
            "x": [rounded(low), rounded(high)],
            "y": [rounded(low), rounded(high)],
            "line": {"color": "@note", "dash": "dot", "width": 1},
            "hoverinfo": "skip",
        }
    ]
    for series in _series([row for row, _, _ in pairs]):
        points = [one for one in pairs if _name(one[0]) == series]
        data.append(
            _line(series, [row for row, _, _ in pairs], "markers", lambda row: 0, 1)
            | {
                "x": [rounded(held / unit) for _, _, held in points],
                "y": [rounded(likely / unit) for _, likely, _ in points],
                "text": [row.configuration.key for row, _, _ in points],
                "hovertemplate": f"measured %{{x:.4~g}} {words}, predicted %{{y:.4~g}} {words}",
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": [
                        rounded((row.predicted.total[2] - likely) / unit)
                        for row, likely, _ in points
                        if row.predicted
                    ],
                    "arrayminus": [
                        rounded((likely - row.predicted.total[0]) / unit)
                        for row, likely, _ in points
                        if row.predicted
                    ],
                    "thickness": 1,
                    "width": 3,
                },
            }
        )
    layout = _layout(f"measured, {words}", f"predicted, {words}")
    for axis in ("xaxis", "yaxis"):
        layout[axis] |= {"type": "log", "dtick": "D2"}
    worst = max(pairs, key=lambda one: abs(one[1] / one[2] - 1))
    says = (
        f"Predicted against measured, with the prediction's range. The farthest: "
        f"{worst[0].configuration.words}, {size(worst[1])} predicted, {size(worst[2])} measured."
    )
    return Chart("predicted", says, data, layout, 420)


def _name(row: Row) -> tuple[str, str, str, int]:
    one = row.configuration
    return one.model, one.mode, one.dtype, one.workers


def _series(rows: Sequence[Row]) -> list[tuple[str, str, str, int]]:
    return list(dict.fromkeys(map(_name, rows)))


def _of(series: tuple[str, str, str, int], rows: Sequence[Row]) -> list[Row]:
    found = [row for row in rows if _name(row) == series]
    return sorted(found, key=lambda row: row.configuration.batch_size)


def _line(
    series: tuple[str, str, str, int],
    rows: Sequence[Row],
    mode: str,
    x: Callable[[Row], float],
    unit: int,
) -> dict[str, Any]:
    model, what, dtype, workers = series
    points = _of(series, rows)
    networks = list(dict.fromkeys(_name(row)[0] for row in rows))
    colour = f"@c{networks.index(model) % PALETTE}"
    several = len({_name(row)[3] for row in rows}) > 1
    return {
        "type": "scatter",
        "mode": mode,
        "name": plain(f"{model} {dtype} {what}" + (f", {workers} workers" if several else "")),
        "x": [x(row) for row in points],
        "y": [rounded((row.held or 0) / unit) for row in points],
        "line": {"color": colour, "dash": _DASHES.get(dtype, "solid"), "width": 2},
        "marker": {
            "color": colour,
            "size": 8,
            "symbol": _SIGNS.get(what, "circle") + ("-open" if workers else ""),
        },
    }


def _said(series: tuple[str, str, str, int], rows: Sequence[Row]) -> str:
    model, mode, dtype, _ = series
    peaks = ", ".join(
        f"{size(row.held)} with {row.configuration.batch_size}" for row in _of(series, rows)
    )
    return f"{model} {dtype} {mode}: {peaks}."


def _layout(x: str, y: str) -> dict[str, Any]:
    return {
        "dragmode": "zoom",
        "hovermode": "closest",
        "margin": {"l": 8, "r": 16, "t": 12, "b": 48},
        "xaxis": {
            "title": {"text": x},
            "automargin": True,
            "tickangle": 0,
            "tickformat": "~g",
        },
        "yaxis": {"title": {"text": y}, "automargin": True, "tickformat": "~g"},
    }
