"""Batches on their way from the loader to the device, in steps that all ranks take together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from fwi import augmentation, config, rng, shares, training_data
from fwi.interruption import Interrupted, Interruption
from fwi.ranks import Ranks
from fwi.schedule import Place
from fwi.shares import Step
from fwi.training_data import Batches, TrainingData
from probes import pulse


class Feed:
    """Reads for one process of a run. Every rank asks for every step, and hears at each whether
    one of them was asked to end."""

    def __init__(
        self, job: config.Train, data: TrainingData, ranks: Ranks, device: torch.device
    ) -> None:
        self.data = data
        self.interruption = Interruption()
        self.per_step = job.batch_size * ranks.who.world
        """Samples a step, of all ranks."""
        self._job = job
        self._who = ranks.who
        self._device = device

    def learning(self, place: Place) -> Iterator[Any]:
        """The batches that are left of an epoch."""
        end = len(self.data.train)
        steps = shares.steps(place.position, end, self.per_step, self._who)
        return self._reader(training_data.learning(self._job, self.data, place.epoch, steps))

    def step(self, start: int, end: int) -> Step:
        """The step from ``start`` on, at the longest to ``end``."""
        return shares.step(start, end, self.per_step, self._who)

    def validating(self) -> Iterator[tuple[Step, tuple[Tensor, Tensor] | None]]:
        """Each step of the validation samples with this process's batch on the device; None where
        it has none in it."""
        end = len(self.data.validation_families)
        steps = shares.steps(0, end, self.per_step, self._who)
        batches = self._reader(training_data.validating(self.data, steps))
        for step in steps:
            if step.mine:
                yield step, self.transferred(*self.next(batches))
            else:
                self.interruption.check()
                yield step, None

    def next(self, batches: Iterator[Any]) -> tuple[Tensor, Tensor]:
        """The next batch. Raises Interrupted where any rank was asked to end."""
        batch: Any = None
        # What this rank was asked counts when all have come here: nobody leaves the others alone.
        with contextlib.suppress(Interrupted), pulse.phase("data"), self.interruption.waiting():
            batch = next(batches)
        self.interruption.check()
        cube, velocity = batch
        return cube, velocity

    def transferred(
        self, cube: Tensor, velocity: Tensor, which: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The batch on the device, the samples named by ``which`` mirrored."""
        with pulse.phase("transfer"):
            cube = cube.to(self._device, non_blocking=True)
            velocity = velocity.to(self._device, non_blocking=True)
            if which is not None:
                which = which.to(self._device, non_blocking=True)
                cube, velocity = augmentation.mirror(cube, velocity, which)
        return cube, velocity

    def _reader(self, wanted: Batches) -> Iterator[Any]:
        # A loader draws a seed for its workers; what a run draws must not depend on how often
        # it was interrupted.
        with rng.kept():
            batches = training_data.batches_of(self._job, wanted, self._device)
        self.interruption.hold_back_dead_workers()
        return batches
