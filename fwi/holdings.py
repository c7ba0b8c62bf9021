"""What holds a supervised job's memory, measured on its way: the first two windows, the first batch
that is validated, the first checkpoint.

Gauges in the flight recorder: ``bytes.parameters`` (with buffers), ``bytes.inputs`` (one batch),
``bytes.activations`` (what the first forward pass keeps for its backward pass),
``bytes.gradients``, ``bytes.optimizer``, ``bytes.ema``. And ``memory.json`` beside the recorder:
the peak of the first window, of a steady one and of other phases, by kind, module and phase.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from fwi import attribution
from fwi.attribution import Attribution
from fwi.reporting import say
from fwi.stepping import Learner
from probes import files, memory_log, pulse
from probes.allocator import Memory, Meter
from probes.memory_log import Kind, MemoryLog

_WINDOWS = 2
_NAME = "memory.json"


class Holdings:
    """Calls cost nothing once everything has been measured, and in a job that nobody supervises.
    A compiled network is left alone: following it would change what it keeps."""

    def __init__(
        self,
        learner: Learner,
        meter: Meter,
        options: Mapping[str, Any],
        *,
        enabled: bool = True,
    ) -> None:
        self._learner = learner
        self._meter = meter
        recorder = os.environ.get(pulse.ENVIRONMENT)
        self._file = Path(recorder).with_name(_NAME) if recorder else None
        self._enabled = enabled and self._file is not None and not learner.is_compiled
        self._windows = 0
        self._following: Attribution | None = None
        self._laps: list[Memory] = []
        """Peaks of torch's allocator in each window; empty on the CPU."""
        self._content: dict[str, Any] = {"schema": 1, "job": dict(options), "phases": {}}

    def begin_window(self) -> None:
        if self._enabled and self._windows < _WINDOWS and self._following is None:
            if not self._windows:
                self._meter.lap()
            self._following = Attribution(self._learner, stacks=True)

    def inputs(self, cube: Tensor, velocity: Tensor) -> None:
        if self._following is not None:
            self._following.inputs(cube, velocity)

    def added(self) -> None:
        """After a backward pass."""
        if self._following is not None:
            self._following.added()

    def moved(self) -> None:
        """After a move of the optimizer."""
        if self._following is None:
            return
        self._following.moved()
        self._windows += 1
        if (lap := self._meter.lap()) is not None:
            self._laps.append(lap)
        if self._windows == _WINDOWS:
            self.end()

    def end(self) -> None:
        """What was followed so far is all there is: the job goes on to something else, or fails."""
        following, self._following = self._following, None
        if following is None:
            return
        log = following.end()
        if not self._windows:
            # It died in its first window: what was there then is what matters.
            self._content["unfinished"] = attribution.step_summary(log, 0)
            self._write()
            return
        self._windows = _WINDOWS
        self._content |= attribution.summary(log, max(one.step for one in log.allocations) + 1)
        attribution.add_allocator(self._content, log, self._laps)
        self._leave_gauges(log)
        self._write()

    @contextlib.contextmanager
    def once(self, phase: str) -> Iterator[None]:
        """Follow what is done inside, the first time in each phase."""
        if not self._enabled or phase in self._content["phases"] or self._following is not None:
            yield
            return
        self._content["phases"][phase] = None
        following = Attribution(self._learner, phase, stacks=True)
        try:
            yield
        finally:
            self._content["phases"][phase] = attribution.step_summary(following.end(), 0)
            self._write()

    def _leave_gauges(self, log: MemoryLog) -> None:
        by_kind: dict[Kind, int] = {}
        for one in log.allocations:
            if one.kind is not None and one.step == 0:
                by_kind[one.kind] = by_kind.get(one.kind, 0) + one.size
        parameters = by_kind.get(Kind.PARAMETERS, 0) + by_kind.get(Kind.BUFFERS, 0)
        steady = self._content["steady"]
        pulse.gauge("bytes.parameters", parameters)
        pulse.gauge("bytes.gradients", by_kind.get(Kind.GRADIENTS, 0))
        pulse.gauge("bytes.optimizer", by_kind.get(Kind.OPTIMIZER, 0))
        pulse.gauge("bytes.activations", memory_log.kept_for_backward(log))
        pulse.gauge("bytes.inputs", steady["by_kind"].get("inputs", 0))
        if self._learner.average is not None:
            pulse.gauge("bytes.ema", by_kind.get(Kind.EMA, 0))

    def _write(self) -> None:
        assert self._file is not None
        try:
            files.write_text(self._file, json.dumps(self._content) + "\n")
        except OSError as error:
            self._enabled = False
            say(f"{self._file} was not written: {error.strerror}")
