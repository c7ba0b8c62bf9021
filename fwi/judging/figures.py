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
from matplotlib.axis import Axis
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
_PANEL_IN, _SIDE_IN, _LEFT_IN, _BELOW_IN, _ABOVE_IN = 3.46, 2.1, 0.62, 0.5, 0.65
"""Inches: a panel with all around it, its square, and what is left, below and above of that."""
_SHOT_M = wave.SOURCE_X[SHOT] * wave.DX
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
    panels = (2 if one.true is None else 4) + (0 if one.again is None else 2)
    with rc_context(_STYLE):
        row = _Row(panels)
        if one.true is not None:
            row.map("true", one.true)
        row.map("predicted", one.predicted)
        if one.true is not None:
            row.error("predicted − true", one.predicted.astype(np.float64) - one.true)
        record = _without_margin(one.record[SHOT]).astype(np.float64)
        most = float(np.percentile(np.abs(record), _SEEN)) or 1.0
        row.gather(f"record of the shot at {_SHOT_M:.0f} m", record, most)
        if one.again is not None:
            again = one.again[SHOT].astype(np.float64)
            row.gather("prediction, simulated", again, most)
            row.gather("simulated − record", again - record, most)
        row.figure.text(
            _LEFT_IN / row.width_in, 0.96, f"{one.title}   {one.words}", va="top", fontsize=10
        )
        return _png(row.figure)


class _Row:
    """Panels of one size beside one another, each with its colour bar."""

    def __init__(self, panels: int) -> None:
        self.width_in = panels * _PANEL_IN
        self._height_in = _BELOW_IN + _SIDE_IN + _ABOVE_IN
        self.figure = _figure(self.width_in, self._height_in)
        self._drawn = 0

    def map(self, words: str, velocity: NDArray[np.floating]) -> None:
        ax, bar = self._next(words)
        drawn = self._image(ax, velocity, _VELOCITY, VELOCITY_MIN, VELOCITY_MAX)
        self.figure.colorbar(drawn, cax=bar, label="velocity (m/s)")

    def error(self, words: str, error: NDArray[np.floating]) -> None:
        ax, bar = self._next(words)
        most = max(_LEAST_ERROR, float(np.percentile(np.abs(error), 99)))
        drawn = self._image(ax, error, _ERROR, -most, most)
        self.figure.colorbar(drawn, cax=bar, label="error (m/s)", extend="both")

    def gather(self, words: str, gather: NDArray[np.floating], most: float) -> None:
        ax, bar = self._next(words)
        # Receivers stand at 0, 10, … 690 m, each in the middle of its column.
        half = wave.DX / 2
        where = (-half, _WIDTH_M - half, TIMES * wave.DT, 0)
        drawn = ax.imshow(gather, cmap=_GATHER, vmin=-most, vmax=most, extent=where, aspect="auto")
        ax.plot([_SHOT_M], [0], marker="v", color=_COLOURS["FlatFault"], clip_on=False, zorder=3)
        ax.set(xlabel="receiver x (m)", ylabel="time (s)")
        self.figure.colorbar(drawn, cax=bar, label="amplitude", extend="both")

    def _image(
        self, ax: Axes, values: NDArray[np.floating], colours: str, least: float, most: float
    ) -> Any:
        where = (0, _WIDTH_M, _DEPTH_M, 0)
        ax.set(xlabel="x (m)", ylabel="depth (m)")
        return ax.imshow(values, cmap=colours, vmin=least, vmax=most, extent=where)

    def _next(self, words: str) -> tuple[Axes, Axes]:
        """The axes of the next panel, and those of its colour bar."""
        left = self._drawn * _PANEL_IN + _LEFT_IN
        self._drawn += 1
        ax = self._axes(left, _SIDE_IN)
        ax.set_title(words)
        for side in ax.spines.values():
            side.set_visible(True)
        return ax, self._axes(left + _SIDE_IN + 0.07, 0.09)

    def _axes(self, left_in: float, width_in: float) -> Axes:
        width, height = self.width_in, self._height_in
        return self.figure.add_axes(
            (left_in / width, _BELOW_IN / height, width_in / width, _SIDE_IN / height)
        )


def _without_margin(gather: NDArray[np.floating]) -> NDArray[np.floating]:
    """A re-pack's gather of 72 × 72 without the margin that repeats its edge."""
    return gather[1:-1, 1:-1] if len(gather) == MAP_SHAPE[0] + 2 else gather


def errors(by_family: Mapping[str, tuple[float, Sequence[float]]]) -> bytes:
    """The spread of the samples' errors: family → mean over all, m/s, and the drawn samples'."""
    with rc_context(_STYLE):
        figure = _figure(7.5, 1.2 + 0.34 * len(by_family), layout="constrained")
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
        figure = _figure(5.6, 4.2, layout="constrained")
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
        figure = _figure(6.2, 4.2, layout="constrained")
        ax = figure.subplots()
        for name, (misfits, maes) in points.items():
            colour = _colour(name)
            filled = colour if _dashes(name) == "-" else "none"
            ax.scatter(
                misfits, maes, s=14, facecolors=filled, edgecolors=colour, alpha=0.7, label=name
            )
        ax.set(xscale="log", yscale="log", title=words)
        _plain_ticks(ax.xaxis, ax.yaxis)
        ax.set(xlabel="seismic misfit ‖s − d‖ / ‖d‖", ylabel="mean absolute error (m/s)")
        ax.grid(which="both", alpha=0.2)
        figure.legend(loc="outside right upper", frameon=False)
        return _png(figure)


def misfits(drawn: Sequence[float]) -> bytes:
    """How the misfits of samples without maps are spread."""
    with rc_context(_STYLE):
        figure = _figure(6.2, 2.8, layout="constrained")
        ax = figure.subplots()
        least, most = max(min(drawn), 1e-9), max(*drawn, 1e-9)
        edges = np.geomspace(least * 0.99, most * 1.01, 31)
        ax.hist(drawn, bins=edges.tolist(), color="#0072B2")
        ax.set_xscale("log")
        _plain_ticks(ax.xaxis)
        ax.set(xlabel="seismic misfit ‖s − d‖ / ‖d‖", ylabel="samples")
        return _png(figure)


def _plain_ticks(*axes: Axis) -> None:
    """Numbers as they are: powers of ten would be formulas."""
    for axis in axes:
        axis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else "")


def _colour(family: str) -> str:
    return _COLOURS.get(family.partition("_")[0], "#000000")


def _dashes(family: str) -> str:
    return "--" if family.endswith("_B") else "-"


def _figure(width: float, height: float, layout: Any = None) -> Figure:
    """In inches. Without pyplot: no display, no state of the process."""
    figure = Figure(figsize=(width, height), dpi=_DPI, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
