"""From the footprint of a step to a device's memory: each part with a range. Pure.

What a process takes of a device is: the blocks of its tensors and what the allocator keeps between
them (replayed), workspaces of libraries (by measured factors), and the CUDA context (measured, a
table, or a run's own history). Tensor bytes are affine in the batch within each phase, so the peak
over phases is convex and piecewise affine; two sizes give the lines, a third checks them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runner import calibration
from runner.cards import Card


@dataclass(frozen=True)
class Span:
    """Bytes: least, likely, most."""

    least: int
    likely: int
    most: int

    def __add__(self, other: Span) -> Span:
        return Span(self.least + other.least, self.likely + other.likely, self.most + other.most)

    def holds(self, size: int) -> bool:
        return self.least <= size <= self.most


def exactly(size: int) -> Span:
    return Span(size, size, size)


@dataclass(frozen=True)
class Prediction:
    """Of one configuration on one device."""

    tensors: int
    """The largest moment of the steady step; found under fake tensors."""
    allocator: Span
    """Rounding and cached segments: replayed. At the least, only the rounding counts."""
    workspaces: Span
    """Of cuBLAS by its handles, of cuDNN by the largest allocation of the step and a measured
    factor, with the segments that are cached for it."""
    context: Span

    @property
    def total(self) -> Span:
        return exactly(self.tensors) + self.allocator + self.workspaces + self.context


def predict(footprint: Mapping[str, Any], card: Card, overhead: Span | None = None) -> Prediction:
    """``footprint`` is a line of the footprint job's. ``overhead`` is what earlier runs on such a
    device took beside their reserved memory, in place of the table's context."""
    tensors = footprint["steady"]["bytes"]
    held = footprint["allocator"]
    largest = footprint["largest_operator"]
    mode, libraries = footprint["mode"], footprint["libraries"]
    handles = card.handle * calibration.handles(mode, libraries)
    factor = calibration.workspace(footprint["model"], mode, footprint["dtype"])
    most = max(int(factor.most * largest), calibration.SMALL if "cudnn" in libraries else 0)
    return Prediction(
        tensors=tensors,
        allocator=Span(
            max(0, held["allocated"] - tensors),
            max(0, held["reserved"] - tensors),
            max(0, held["reserved"] - tensors) + held["reserved"] // 20,
        ),
        workspaces=Span(handles, handles + int(factor.likely * largest), handles + most),
        context=overhead or _context(card, mode, libraries),
    )


def _context(card: Card, mode: str, libraries: Collection[str]) -> Span:
    if card.measured is None:
        return Span(*card.context)
    likely = card.measured.size(mode, libraries)
    beyond = int(calibration.NEAR * likely)
    return Span(likely - beyond, likely, likely + beyond)


@dataclass(frozen=True)
class Line:
    """Bytes = base + slope · samples."""

    base: float
    slope: float

    def at(self, samples: int) -> float:
        return self.base + self.slope * samples


def lines(small: Mapping[str, Any], large: Mapping[str, Any]) -> dict[str, Line]:
    """By phase, through two footprints of different batch sizes."""
    sizes = small["batch_size"], large["batch_size"]
    found = {}
    for phase, low in small["steady"]["by_phase"].items():
        high = large["steady"]["by_phase"].get(phase, low)
        slope = (high - low) / (sizes[1] - sizes[0])
        found[phase] = Line(low - slope * sizes[0], slope)
    return found


def bytes_at(by_phase: Mapping[str, Line], samples: int) -> float:
    """Tensor bytes at a batch size: the largest of the phases."""
    return max(line.at(samples) for line in by_phase.values())


def miss(by_phase: Mapping[str, Line], checked: Mapping[str, Any]) -> float:
    """How far the lines are from a third footprint, as a part of it."""
    real = float(checked["steady"]["bytes"])
    return abs(bytes_at(by_phase, checked["batch_size"]) - real) / real


def largest_batch(by_phase: Mapping[str, Line], room: float) -> int:
    """The largest batch whose tensors take at most ``room`` bytes; 0 where not one sample fits."""
    if bytes_at(by_phase, 1) > room:
        return 0
    low, high = 1, 2
    while bytes_at(by_phase, high) <= room and high < 1 << 24:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if bytes_at(by_phase, middle) <= room else (low, middle)
    return low


def room_for_tensors(card: Card, part: Prediction) -> float:
    """Bytes of a card that tensors may take so that even the most of everything else fits;
    the parts that grow with the tensors are taken to grow in proportion."""
    context = part.context.most
    grows = (part.tensors + part.allocator.most + part.workspaces.most) / max(part.tensors, 1)
    return max(0.0, (card.memory - context) / grows)


def confirmed(candidates: Sequence[tuple[int, Prediction]], card: Card) -> int:
    """The largest candidate whose own prediction fits with all its margins; 0 for none."""
    fitting = [size for size, found in candidates if found.total.most <= card.memory]
    return max(fitting, default=0)
