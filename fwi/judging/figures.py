"""Figures, as PNG: depth and time down, metres and seconds, colours that the colour-blind can tell.

Texts may hold names of files, which are anybody's: none is read as a formula.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fwi import wave
from fwi.layout import MAP_SHAPE, TIMES, VELOCITY_MAX, VELOCITY_MIN

SHOT = 2
"""Of the five: the one in the middle."""
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,
    "image.interpolation": "nearest",
}
_DPI = 110
_VELOCITY, _ERROR, _GATHER = "viridis", "RdBu_r", "gray"
_SEEN = 98
"""Percentile of amplitudes that is black or white; beyond it lie the first arrivals."""
_LEAST_ERROR = 50.0
"""m/s at the ends of the error's colours, at least: small errors are to look small."""
# Okabe and Ito's colours, one for a pair of families; B is dashed and open.
_COLOURS = {
    "FlatVel": "#0072B2",
    "CurveVel": "#56B4E9",
    "FlatFault": "#D55E00",
    "CurveFault": "#E69F00",
    "Style": "#009E73",
}
_WIDTH_M, _DEPTH_M = MAP_SHAPE[1] * wave.DX, MAP_SHAPE[0] * wave.DX


@dataclass(frozen=True)
class Pictured:
    """One sample to be drawn."""

    title: str
    words: str
    """Its scores."""
    predicted: NDArray[np.floating]
    """(70, 70) m/s."""
    true: NDArray[np.floating] | None
    record: NDArray[np.floating]
    """(5, 1000, 70); or reduced in time."""
    again: NDArray[np.floating] | None
    """The prediction simulated, (5, 1000, 70)."""


def sample(one: Pictured) -> bytes:
    """Its maps, the error, a gather, and what the simulation of the prediction lacks, in a row."""
    maps: list[tuple[str, NDArray[np.floating]]] = []
    if one.true is not None:
        maps.append(("true", one.true))
    maps.append(("predicted", one.predicted))
    panels = len(maps) + (one.true is not None) + (1 if one.again is None else 3)
    with rc_context(_STYLE):
        figure = _figure(2.75 * panels, 3.05)
        axes = list(figure.subplots(1, panels))
        shown = iter(axes)
        for words, velocity in maps:
            ax = next(shown)
            drawn = _map(ax, velocity, words, _VELOCITY, VELOCITY_MIN, VELOCITY_MAX)
            _bar(figure, ax, drawn, "velocity (m/s)")
        if one.true is not None:
            ax = next(shown)
            error = one.predicted.astype(np.float64) - one.true
            most = max(_LEAST_ERROR, float(np.percentile(np.abs(error), 99)))
            drawn = _map(ax, error, "predicted − true", _ERROR, -most, most)
            _bar(figure, ax, drawn, "error (m/s)", extend="both")
        _gathers(figure, list(shown), one)
        figure.suptitle(f"{one.title}   {one.words}", x=0.01, ha="left", fontsize=9.5)
        return _png(figure)


def _gathers(figure: Figure, axes: Sequence[Axes], one: Pictured) -> None:
    record = one.record[SHOT].astype(np.float64)
    if len(record) == MAP_SHAPE[0] + 2:
        record = record[1:-1, 1:-1]  # a re-pack's margin repeats its edge
    most = float(np.percentile(np.abs(record), _SEEN)) or 1.0
    gathers = [("record", record)]
    if one.again is not None:
        again = one.again[SHOT].astype(np.float64)
        gathers += [("prediction, simulated", again), ("simulated − record", again - record)]
    for ax, (words, gather) in zip(axes, gathers, strict=True):
        drawn = _gather(ax, gather, words, most)
        _bar(figure, ax, drawn, "amplitude", extend="both")


def _map(
    ax: Axes, values: NDArray[np.floating], words: str, colours: str, least: float, most: float
) -> Any:
    drawn = ax.imshow(
        values, cmap=colours, vmin=least, vmax=most, extent=(0, _WIDTH_M, _DEPTH_M, 0)
    )
    ax.set(title=words, xlabel="x (m)", ylabel="depth (m)")
    _frame(ax)
    return drawn


def _gather(ax: Axes, gather: NDArray[np.floating], words: str, most: float) -> Any:
    # Receivers stand at 0, 10, … 690 m, each in the middle of its column.
    half = wave.DX / 2
    drawn = ax.imshow(
        gather,
        cmap=_GATHER,
        vmin=-most,
        vmax=most,
        extent=(-half, _WIDTH_M - half, TIMES * wave.DT, 0),
        aspect="auto",
    )
    x = wave.SOURCE_X[SHOT] * wave.DX
    ax.plot([x], [0], marker="v", color="#D55E00", markersize=7, clip_on=False, zorder=3)
    ax.set(title=f"{words}, shot at {x:.0f} m", xlabel="receiver x (m)", ylabel="time (s)")
    _frame(ax)
    return drawn


def _frame(ax: Axes) -> None:
    for side in ax.spines.values():
        side.set_visible(True)


def _bar(figure: Figure, ax: Axes, drawn: Any, words: str, extend: Any = "neither") -> None:
    bar = figure.colorbar(drawn, ax=ax, fraction=0.05, pad=0.03, extend=extend)
    bar.set_label(words)


def errors(by_family: Mapping[str, tuple[float, Sequence[float]]]) -> bytes:
    """The spread of the samples' errors: family → mean over all, m/s, and the drawn samples'."""
    with rc_context(_STYLE):
        figure = _figure(7.5, 1.2 + 0.34 * len(by_family))
        ax = figure.subplots()
        places = range(len(by_family))
        for place, (name, (mean, drawn)) in enumerate(by_family.items()):
            colour = _colour(name)
            ax.boxplot(
                [drawn],
                positions=[place],
                orientation="horizontal",
                whis=(5, 95),
                widths=0.6,
                showfliers=False,
                patch_artist=True,
                boxprops={"facecolor": colour, "alpha": 0.35, "edgecolor": colour},
                medianprops={"color": "black"},
                manage_ticks=False,
            )
            ax.plot([mean], [place], marker="D", color="black", markersize=4, linestyle="none")
        ax.set_yticks(list(places), list(by_family))
        ax.invert_yaxis()
        ax.set_xlim(left=0)
        ax.set(
            xlabel="mean absolute error of a sample (m/s)",
            title="box: quartiles and median; whiskers: 5 to 95 %; diamond: mean",
        )
        ax.grid(axis="x", alpha=0.3)
        return _png(figure)


def depth(by_family: Mapping[str, NDArray[np.float64]]) -> bytes:
    """The mean absolute error at each depth: family → (70,) m/s."""
    with rc_context(_STYLE):
        figure = _figure(5.6, 4.2)
        ax = figure.subplots()
        below = (np.arange(MAP_SHAPE[0]) + 0.5) * wave.DX
        for name, error in by_family.items():
            ax.plot(error, below, color=_colour(name), linestyle=_dashes(name), label=name)
        ax.set_ylim(_DEPTH_M, 0)
        ax.set_xlim(left=0)
        ax.set(xlabel="mean absolute error (m/s)", ylabel="depth (m)")
        ax.grid(alpha=0.3)
        figure.legend(loc="outside right upper", frameon=False)
        return _png(figure)


def misfit_and_error(
    points: Mapping[str, tuple[Sequence[float], Sequence[float]]], words: str
) -> bytes:
    """A point a sample: family → (misfits, mean absolute errors in m/s)."""
    with rc_context(_STYLE):
        figure = _figure(6.2, 4.2)
        ax = figure.subplots()
        for name, (misfits, maes) in points.items():
            colour = _colour(name)
            filled = colour if _dashes(name) == "-" else "none"
            ax.scatter(
                misfits, maes, s=14, facecolors=filled, edgecolors=colour, alpha=0.7, label=name
            )
        ax.set(xscale="log", yscale="log", title=words)
        ax.set(xlabel="seismic misfit ‖s − d‖ / ‖d‖", ylabel="mean absolute error (m/s)")
        ax.grid(which="both", alpha=0.2)
        figure.legend(loc="outside right upper", frameon=False)
        return _png(figure)


def misfits(drawn: Sequence[float]) -> bytes:
    """How the misfits of samples without maps are spread."""
    with rc_context(_STYLE):
        figure = _figure(6.2, 2.8)
        ax = figure.subplots()
        least, most = max(min(drawn), 1e-9), max(*drawn, 1e-9)
        edges = np.geomspace(least * 0.99, most * 1.01, 31)
        ax.hist(drawn, bins=edges.tolist(), color="#0072B2")
        ax.set(xscale="log", xlabel="seismic misfit ‖s − d‖ / ‖d‖", ylabel="samples")
        return _png(figure)


def _colour(family: str) -> str:
    return _COLOURS.get(family.partition("_")[0], "#000000")


def _dashes(family: str) -> str:
    return "--" if family.endswith("_B") else "-"


def _figure(width: float, height: float) -> Figure:
    """In inches. Without pyplot: no display, no state of the process."""
    figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
