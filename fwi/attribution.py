"""What holds the memory of learning: the tracker of :mod:`probes.memory_tracker`, told what the
learner's tensors are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from fwi.stepping import Learner
from probes import caching_allocator, frames, memory_log
from probes.allocator import Memory
from probes.memory_log import Kind, MemoryLog, Peak
from probes.memory_tracker import MemoryTracker, states_of

_MODULES = 400
"""Of an attribution tree; beyond them, the smallest are left out."""


class Attribution:
    """Follows a learner's windows from construction to ``end``; call each method at its place.

    ``phase`` is the one that the job is in; modules are named in the network that is validated if
    that is "evaluate", else in the one that learns. ``stacks``: keep where each allocation
    was made.
    """

    def __init__(self, learner: Learner, phase: str = "train", *, stacks: bool = False) -> None:
        self._learner = learner
        network = learner.network
        followed = learner.validated if phase == "evaluate" else network
        self._tracker = MemoryTracker(followed, phase, stacks=stacks)
        self._tracker.__enter__()
        self._tracker.mark(Kind.PARAMETERS, dict(network.named_parameters()))
        self._tracker.mark(Kind.BUFFERS, dict(network.named_buffers()))
        self._tracker.mark(Kind.OPTIMIZER, states_of(learner.optimizer, network))
        if learner.average is not None:
            average = learner.average.module
            self._tracker.mark(Kind.EMA, dict(average.named_parameters()))
            self._tracker.mark(Kind.EMA, dict(average.named_buffers()))

    def inputs(self, cube: Tensor, velocity: Tensor) -> None:
        """A batch that is on the device."""
        self._tracker.mark(Kind.INPUTS, {"cube": cube, "velocity": velocity})

    def extra(self, kind: Kind, tensors: Mapping[str, Tensor]) -> None:
        """Tensors that somebody else holds."""
        self._tracker.mark(kind, tensors)

    def added(self) -> None:
        """After a backward pass."""
        parameters = self._learner.network.named_parameters()
        self._tracker.mark(Kind.GRADIENTS, {name: p.grad for name, p in parameters})

    def moved(self) -> None:
        """After a move of the optimizer."""
        learner = self._learner
        self._tracker.mark(Kind.OPTIMIZER, states_of(learner.optimizer, learner.network))
        self._tracker.next_step()

    def end(self) -> MemoryLog:
        """The log, its activations found."""
        self._tracker.__exit__(None, None, None)
        memory_log.classify(self._tracker.log)
        return self._tracker.log


def summary(log: MemoryLog, steps: int) -> dict[str, Any]:
    """The first step and the last of ``steps``, which is steady: peak, by kind, by module, by
    phase; bytes. JSON types."""
    return {
        "first": step_summary(log, 0),
        "steady": step_summary(log, steps - 1),
        "allocations": len(log.allocations),
    }


def add_allocator(content: Mapping[str, Any], log: MemoryLog, laps: Sequence[Memory]) -> None:
    """To ``first`` and ``steady`` of a :func:`summary`: what a replay of torch's allocator makes of
    the same tensors (``replayed``; on the CPU as if they were on a device), and the peaks that the
    allocator had in truth (``torch``). ``laps``: one for each step; none on the CPU."""
    for name, events, lap in (
        ("first", [event for event in log.events if event.step == 0], laps[:1]),
        ("steady", log.events, laps[1:]),
    ):
        held = caching_allocator.replay(events)
        content[name]["replayed"] = {"allocated": held.allocated, "reserved": held.reserved}
        if lap:
            content[name]["torch"] = lap[-1].as_dict()


def step_summary(log: MemoryLog, step: int) -> dict[str, Any]:
    """One step: its peak, what held it, and the peaks of its phases."""
    found = memory_log.peak(log, steps=[step])
    return {
        "bytes": found.bytes,
        "phase": found.phase,
        "by_kind": dict(sorted(found.by_kind.items(), key=lambda item: -item[1])),
        "by_module": _largest(found),
        "by_phase": memory_log.phase_peaks(log, [step]),
        "largest": [
            {
                "bytes": one.size,
                "kind": (one.kind or Kind.TEMPORARIES).value,
                "module": one.module,
                "phase": one.phase,
                "stack": frames.shown(one.stack),
            }
            for one in found.largest
        ],
    }


def _largest(found: Peak) -> dict[str, int]:
    tree = memory_log.tree(found.by_module)
    return dict(sorted(tree.items(), key=lambda item: -item[1])[:_MODULES])
