"""What a training run learns from and is validated on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from fwi import config, families
from fwi.dataset import EpochOrder, Samples, loader
from fwi.errors import DataError
from fwi.layout import CUBE_SHAPE
from fwi.ranks import Ranks
from fwi.reporting import say
from fwi.shares import Step
from probes import pulse


@dataclass(frozen=True)
class TrainingData:
    train: Samples
    validation: Samples
    families: tuple[str, ...]
    """Their names, by number."""
    validation_families: torch.Tensor
    """(len(validation),) the number of each sample's family."""
    how: str
    """What ``--split auto`` came to."""

    @property
    def counts(self) -> dict[str, int]:
        return {"train": len(self.train), "validation": len(self.validation)}

    def only_validating(self, samples: int) -> TrainingData:
        """The same, validated on the first ``samples`` at the most."""
        return dataclasses.replace(self, validation_families=self.validation_families[:samples])


class Batches:
    """Batches to be read: of which samples, and their positions, batch by batch."""

    def __init__(
        self, samples: Samples, places: Sequence[range], order: EpochOrder | None = None
    ) -> None:
        self.samples = samples
        self._places = places
        self._order = order

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[list[int]]:
        for places in self._places:
            yield list(places) if self._order is None else self._order.at(places)


def gather(job: config.Train, ranks: Ranks) -> TrainingData:
    """Index and split the files of ``--data``; without it, simulate the small set first.

    Raises DataError for files that cannot be trained on, or that differ between the ranks.
    """
    root = job.data
    if root is None:
        from fwi.synthesis import synthesise

        small = config.small_set(families=job.families)
        root = small.out
        say(f"no --data: training on a small simulated set in {root}")
        ranks.on_each_machine(lambda: synthesise(small))
    with pulse.phase("startup"):
        index = families.index(root, job.families)
        if index.shape != CUBE_SHAPE and job.model not in config.REDUCED:
            raise DataError(
                f"{root}: seismic cubes of shape {index.shape}; {job.model} takes {CUBE_SHAPE}, "
                f"the record at full length; --model {' or '.join(config.REDUCED)} takes these"
            )
        parts = families.split(index, job.split, job.validation_fraction, job.seed)
        numbers = parts.validation.families_of(np.arange(len(parts.validation)))
        data = TrainingData(
            train=Samples(parts.train),
            validation=Samples(parts.validation),
            families=tuple(index.names),
            validation_families=torch.from_numpy(numbers.astype(np.int64)),
            how=parts.how,
        )
    ranks.require_same("samples", data.counts)
    return data


def learning(job: config.Train, data: TrainingData, epoch: int, steps: Sequence[Step]) -> Batches:
    """What this process learns from in the steps of an epoch: each step's own samples, else the
    one that stands in for them."""
    order = EpochOrder(len(data.train), job.seed, epoch)
    return Batches(data.train, [step.learned_from for step in steps], order)


def validating(data: TrainingData, steps: Sequence[Step]) -> Batches:
    """What this process validates; nothing in a step that has no sample for it."""
    return Batches(data.validation, [step.mine for step in steps if step.mine])


def batches_of(job: config.Train, wanted: Batches, device: torch.device) -> Iterator[Any]:
    """The batches that are wanted, as :func:`learning` or :func:`validating` say.

    Each is (cube, velocity): (B, 5, 1000, 70) float16, or (B, 5, 72, 72) of a re-pack, and
    (B, 1, 70, 70) float32 in m/s.
    """
    return iter(
        loader(
            wanted.samples,
            batches=wanted,
            workers=job.workers,
            device=device,
            prefetch=job.prefetch,
            pin_memory=job.pin_memory,
            sharing=job.sharing,
        )
    )
