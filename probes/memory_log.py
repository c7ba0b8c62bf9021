"""What was allocated and freed, in order; and what held the peak. Data and pure functions.

Made by :mod:`probes.memory_tracker`, of real tensors or fake ones; bytes are those of the tensors'
storages, before any allocator rounds them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

_LARGEST = 10
Stack = tuple[tuple[str, int, str], ...]
"""(file, line, function) of each frame."""


class Kind(StrEnum):
    """What an allocation was for; the names of the report."""

    PARAMETERS = "parameters"
    BUFFERS = "buffers"
    GRADIENTS = "gradients"
    OPTIMIZER = "optimizer"
    EMA = "ema"
    INPUTS = "inputs"
    ACTIVATIONS = "activations"
    """Made by the forward pass and still there when the backward pass began."""
    TEMPORARIES = "temporaries"


@dataclass
class Allocation:
    size: int
    """Bytes."""
    module: str
    """Qualified name of the innermost module that made it, in its forward or backward pass."""
    phase: str
    step: int
    kind: Kind | None = None
    """None while it is not known: a temporary, unless something else is found out."""
    stack: Stack = ()
    """Where it was made, the innermost frame first; empty where stacks are not kept."""


@dataclass(frozen=True)
class Event:
    """A change, or the entrance of a phase (``allocation`` is None then)."""

    allocation: int | None
    bytes: int
    """Above 0: allocated; below: freed."""
    phase: str
    step: int


@dataclass
class MemoryLog:
    allocations: list[Allocation] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    operators: set[str] = field(default_factory=set)
    """Names of all that ran: ``mm``, ``convolution``."""


@dataclass(frozen=True)
class Peak:
    """The largest number of bytes held at once, and by what."""

    bytes: int
    phase: str
    step: int
    by_kind: Mapping[str, int] = field(default_factory=dict)
    by_module: Mapping[str, int] = field(default_factory=dict)
    """Of the innermost modules; ``""`` is what no module made."""
    largest: Sequence[Allocation] = ()
    """The ten largest allocations that were there."""


def classify(log: MemoryLog) -> None:
    """Find the activations: made in the forward pass, alive when the backward pass begins."""
    alive: set[int] = set()
    for event in log.events:
        if event.allocation is None:
            if event.phase == "backward":
                for number in alive:
                    one = log.allocations[number]
                    if one.kind is None and one.phase in ("forward", "loss"):
                        one.kind = Kind.ACTIVATIONS
        elif event.bytes > 0:
            alive.add(event.allocation)
        else:
            alive.discard(event.allocation)


def peak(log: MemoryLog, *, phase: str | None = None, steps: Sequence[int] | None = None) -> Peak:
    """The first largest moment: overall, or within a phase, or within some steps."""
    best, at = None, None
    for held, number, event in _running(log):
        inside = (phase is None or event.phase == phase) and (steps is None or event.step in steps)
        if inside and (best is None or held > best):
            best, at = held, number
    if best is None or at is None:
        return Peak(0, phase or "", -1)
    moment = log.events[at]
    kinds: defaultdict[str, int] = defaultdict(int)
    modules: defaultdict[str, int] = defaultdict(int)
    alive = _alive_at(log, at)
    for one in alive:
        kinds[(one.kind or Kind.TEMPORARIES).value] += one.size
        modules[one.module] += one.size
    largest = sorted(alive, key=lambda one: -one.size)[:_LARGEST]
    return Peak(best, moment.phase, moment.step, dict(kinds), dict(modules), tuple(largest))


def kept_for_backward(log: MemoryLog, step: int = 0) -> int:
    """Bytes of activations when the first backward pass of a step begins."""
    held = 0
    for event in log.events:
        if event.step == step and event.allocation is None and event.phase == "backward":
            return held
        if event.allocation is not None:
            one = log.allocations[event.allocation]
            held += event.bytes if one.kind is Kind.ACTIVATIONS else 0
    return 0


def phase_peaks(log: MemoryLog, steps: Sequence[int] | None = None) -> dict[str, int]:
    """The largest number of bytes held in each phase, what was there before included."""
    found: dict[str, int] = {}
    for held, _, event in _running(log):
        if steps is None or event.step in steps:
            found[event.phase] = max(found.get(event.phase, 0), held)
    return found


def tree(by_module: Mapping[str, int]) -> dict[str, int]:
    """Bytes of every module with all that is inside it; ``""`` is everything."""
    found: defaultdict[str, int] = defaultdict(int)
    for name, size in by_module.items():
        found[""] += size
        parts = name.split(".") if name else []
        for depth in range(1, len(parts) + 1):
            found[".".join(parts[:depth])] += size
    return dict(found)


def _running(log: MemoryLog) -> Iterator[tuple[int, int, Event]]:
    held = 0
    for number, event in enumerate(log.events):
        held += event.bytes
        yield held, number, event


def _alive_at(log: MemoryLog, at: int) -> list[Allocation]:
    alive: set[int] = set()
    for event in log.events[: at + 1]:
        if event.allocation is None:
            continue
        if event.bytes > 0:
            alive.add(event.allocation)
        else:
            alive.discard(event.allocation)
    return [log.allocations[number] for number in alive]
