"""What a training run learns from and is validated on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from fwi import config, families
from fwi.dataset import EpochOrder, Samples, loader
from fwi.errors import DataError
from fwi.layout import CUBE_SHAPE
from fwi.precision import resolve_device
from fwi.schedule import Place
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


def gather(job: config.Train) -> TrainingData:
    """Index and split the files of ``--data``; without it, simulate the small set first.

    Raises DataError for files that cannot be trained on.
    """
    root = job.data
    if root is None:
        from fwi.synthesis import synthesise

        small = config.small_set(families=job.families)
        print(f"no --data: training on a small simulated set in {small.out}", flush=True)
        synthesise(small)
        root = small.out
    with pulse.phase("startup"):
        index = families.index(root, job.families)
        if index.shape != CUBE_SHAPE and job.model not in config.REDUCED:
            raise DataError(
                f"{root}: seismic cubes of shape {index.shape}; {job.model} takes {CUBE_SHAPE}, "
                f"the record at full length; --model {' or '.join(config.REDUCED)} takes these"
            )
        parts = families.split(index, job.split, job.validation_fraction, job.seed)
        numbers = parts.validation.families_of(np.arange(len(parts.validation)))
        return TrainingData(
            train=Samples(parts.train),
            validation=Samples(parts.validation),
            families=tuple(index.names),
            validation_families=torch.from_numpy(numbers.astype(np.int64)),
            how=parts.how,
        )


def batches_of(job: config.Train, data: TrainingData, place: Place | None) -> Iterator[Any]:
    """Training batches from ``place`` to the end of its epoch; None: the validation batches.

    Each is (cube, velocity): (B, 5, 1000, 70) float16, or (B, 5, 72, 72) of a re-pack, and
    (B, 1, 70, 70) float32 in m/s.
    """
    order = None
    if place is not None:
        order = EpochOrder(len(data.train), job.seed, place.epoch, place.position)
    return iter(
        loader(
            data.validation if place is None else data.train,
            batch_size=job.batch_size,
            workers=job.workers,
            device=resolve_device(job.device),
            sampler=order,
            prefetch=job.prefetch,
            pin_memory=job.pin_memory,
            sharing=job.sharing,
        )
    )
