"""Follows every allocation of torch tensors in a stretch of a job: what made it, for how long.

A dispatch mode sees the storage of each operator's results; a storage's end is seen by a weak
reference. Works for CPU and CUDA tensors and under fake tensors. What an operator takes and gives
back inside its kernel (a workspace) is not seen.

The module is that whose forward runs, by torch's global hooks; in the backward pass it is the one
that made the node of the graph, found by the node's number.
"""

from __future__ import annotations

import bisect
import os
import sys
import weakref
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module
from torch.utils import _pytree as pytree

from probes import _torch_private as private
from probes import pulse
from probes.memory_log import Allocation, Event, Kind, MemoryLog, Stack

_FRAMES = 12
_NOT_THE_JOBS = (os.path.dirname(torch.__file__) + os.sep, __file__)
_BEFORE = "startup"
_INPUT_PHASES = ("data", "transfer")


class MemoryTracker(private.TorchDispatchMode):  # type: ignore[no-untyped-call]
    """``with MemoryTracker(network) as tracker: …``; phases are those of :mod:`probes.pulse`, and
    ``phase`` is the one that the job is in at the beginning. ``stacks``: keep where each allocation
    was made, some microseconds each."""

    def __init__(self, network: nn.Module, phase: str = _BEFORE, *, stacks: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._stacks = stacks
        self.log = MemoryLog()
        self._names = {id(module): name for name, module in network.named_modules()}
        self._alive: dict[int, tuple[weakref.ref[Any], int]] = {}
        self._modules: list[str] = [""]
        self._phases: list[str] = [phase]
        self._step = 0
        self._numbers: list[int] = []
        self._makers: list[str] = []
        self._hooks = ExitStack()
        self._ended = False

    def __enter__(self) -> MemoryTracker:
        self._hooks.callback(pulse.listen(self._phase_changed))
        for handle in (
            torch_module.register_module_forward_pre_hook(self._entered),
            torch_module.register_module_forward_hook(self._left, always_call=True),
        ):
            self._hooks.callback(handle.remove)
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, value, trace)  # type: ignore[no-untyped-call]
        self._ended = True
        self._hooks.close()

    def __torch_dispatch__(
        self, function: Any, types: Any, arguments: tuple[Any, ...] = (), named: Any = None
    ) -> Any:
        for tensor in pytree.tree_leaves(arguments):
            if isinstance(tensor, Tensor):
                self._see(tensor, is_argument=True)
        self.log.operators.add(function.__name__.partition(".")[0])
        result = function(*arguments, **(named or {}))
        for tensor in pytree.tree_leaves(result):
            if isinstance(tensor, Tensor):
                self._see(tensor)
        return result

    def mark(self, kind: Kind, tensors: Mapping[str, Tensor | None]) -> None:
        """Say what these tensors are for, by the qualified names of what they belong to
        (``encoder.0.weight``); those that were not seen yet are from now on."""
        for name, tensor in tensors.items():
            if tensor is not None and (number := self._see(tensor)) is not None:
                one = self.log.allocations[number]
                one.kind, one.module = kind, name.rpartition(".")[0]

    def next_step(self) -> None:
        self._step += 1

    def _see(self, tensor: Tensor, *, is_argument: bool = False) -> int | None:
        try:
            storage = tensor.untyped_storage()
        except (NotImplementedError, RuntimeError):
            return None  # a sparse tensor, or one without storage
        key = storage._cdata
        known = self._alive.get(key)
        if known is not None:
            return known[1]
        size = storage.nbytes()
        number = len(self.log.allocations)
        phase = self._phases[-1]
        kind = Kind.INPUTS if is_argument and phase in _INPUT_PHASES else None
        stack = _stack() if self._stacks else ()
        self.log.allocations.append(Allocation(size, self._maker(), phase, self._step, kind, stack))
        self.log.events.append(Event(number, size, phase, self._step))

        def freed(_: Any) -> None:
            self._alive.pop(key, None)
            if not self._ended:
                self.log.events.append(Event(number, -size, self._phases[-1], self._step))

        self._alive[key] = (weakref.ref(storage, freed), number)
        return number

    def _maker(self) -> str:
        if len(self._modules) > 1:
            return self._modules[-1]
        node = private.backward_sequence_number()
        if node is None or not self._numbers:
            return ""
        place = bisect.bisect_right(self._numbers, node) - 1
        # Nodes that add up gradients have the largest number of all.
        return self._makers[place] if place >= 0 and node < 1 << 62 else ""

    def _entered(self, module: nn.Module, inputs: Any) -> None:
        name = self._names.get(id(module), self._modules[-1])
        self._modules.append(name)
        self._note(name)

    def _left(self, module: nn.Module, inputs: Any, output: Any) -> None:
        if len(self._modules) > 1:
            self._modules.pop()
        self._note(self._modules[-1])

    def _note(self, maker: str) -> None:
        number = private.next_sequence_number()
        if self._numbers and self._numbers[-1] == number:
            self._makers[-1] = maker
        elif not self._numbers or number > self._numbers[-1]:
            self._numbers.append(number)
            self._makers.append(maker)

    def _phase_changed(self, name: str, entered: bool) -> None:
        if entered:
            self._phases.append(name)
        elif len(self._phases) > 1:
            self._phases.pop()
        self.log.events.append(Event(None, 0, self._phases[-1], self._step))


def _stack() -> Stack:
    """The innermost frames of the job's own code: neither torch's nor the tracker's."""
    found: list[tuple[str, int, str]] = []
    frame = sys._getframe(2)
    while frame is not None and len(found) < _FRAMES:
        code = frame.f_code
        if not code.co_filename.startswith(_NOT_THE_JOBS):
            found.append((code.co_filename, frame.f_lineno, code.co_name))
        frame = frame.f_back  # type: ignore[assignment]
    return tuple(found)


def states_of(optimizer: torch.optim.Optimizer, network: nn.Module) -> dict[str, Tensor]:
    """Tensors that an optimizer keeps between two steps, by the parameter that they are of."""
    return {
        f"{name}:{key}": value
        for name, parameter in network.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
        if isinstance(value, Tensor)
    }
