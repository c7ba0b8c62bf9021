"""What is judged: which samples of which folder, as the checkpoint was trained unless told else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from fwi import config, families, weights
from fwi.dataset import Samples
from fwi.errors import DataError, UsageError
from fwi.layout import CUBE_SHAPE, FAMILIES
from fwi.sample_index import Index
from fwi.trained import Trained

_FRACTION, _SEED = 0.1, 0


class Spread:
    """``count`` positions of ``range(total)``, evenly spread, in order: all where they are as
    many."""

    def __init__(self, total: int, count: int) -> None:
        self._total = total
        self._count = min(count or total, total)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        return (n * self._total // self._count for n in range(self._count))

    def batch(self, first: int, count: int) -> NDArray[np.int64]:
        """The positions from the ``first`` of them on."""
        return np.arange(first, first + count, dtype=np.int64) * self._total // self._count


@dataclass(frozen=True)
class Subject:
    samples: Samples
    order: Spread
    split: str
    """In words: how it came to these samples."""

    @property
    def index(self) -> Index:
        return self.samples.index

    def name_of(self, position: int) -> str:
        """The file below the folder, and the sample's number in it; of a test record, its oid."""
        file, number = self.index.locate(position)
        path = self.index.path(file)
        if not self.index.labelled:
            return weights.shown(path.stem)
        below = path.relative_to(self.index.root) if path.is_relative_to(self.index.root) else path
        return weights.shown(f"{below}[{number}]")


def find(job: config.Evaluate, networks: list[Trained]) -> Subject:
    """Index and split as the options say, and where they do not, as the first network's training.

    Raises UsageError where there is no folder to be found, DataError for files that cannot be
    judged.
    """
    said = networks[0].options
    root = job.data or _trained_on(said)
    names = job.families or (() if job.data else _families(said))
    if job.part == "test":
        index, split = families.index_test(root), "test records"
    else:
        index, split = _part(job, families.index(root, names), said)
    if index.shape != CUBE_SHAPE:
        _require_that_reduced_will_do(job, index, networks)
    return Subject(Samples(index), Spread(len(index), job.samples), split)


def _part(job: config.Evaluate, index: Index, said: Mapping[str, Any]) -> tuple[Index, str]:
    if job.part == "all":
        return index, "all"
    how = job.split
    if how == "auto" and said.get("split") in get_args(config.Split):
        how = said["split"]
    fraction, seed = job.validation_fraction, job.seed
    if fraction is None:
        told = said.get("validation_fraction")
        fraction = told if isinstance(told, float) and 0 < told < 1 else _FRACTION
    if seed is None:
        told = said.get("seed")
        seed = told if isinstance(told, int) and told >= 0 else _SEED
    parts = families.split(index, how, fraction, seed)
    words = f"{job.part}, split {parts.how}"
    if parts.how == "random":
        words += f" ({fraction:g}, seed {seed})"
    return (parts.train if job.part == "train" else parts.validation), words


def _trained_on(said: Mapping[str, Any]) -> Path:
    if "data" not in said:
        raise UsageError("--data: the weights do not say what they were trained on; name a folder")
    if said["data"] is not None:
        root = Path(str(said["data"]))
        if not root.is_dir():
            raise UsageError(
                f"--data: the network was trained on {weights.shown(str(root))}, which is not "
                "here; name the folder"
            )
        return root
    from fwi.synthesis import synthesise

    small = config.small_set(families=_families(said))
    synthesise(small)
    return small.out


def _families(said: Mapping[str, Any]) -> tuple[Any, ...]:
    """Those of the training, where the file names some that there are."""
    found = said.get("families")
    # In its own order, which the folder of a small set is named by.
    return tuple(name for name in found if name in FAMILIES) if isinstance(found, list) else ()


def _require_that_reduced_will_do(
    job: config.Evaluate, index: Index, networks: list[Trained]
) -> None:
    if job.misfit:
        raise DataError(
            f"{index.root}: seismic cubes of shape {index.shape}; --misfit compares with the "
            f"record at full length, {CUBE_SHAPE}"
        )
    for one in networks:
        if one.model not in config.REDUCED:
            raise DataError(
                f"{index.root}: seismic cubes of shape {index.shape}; {one.model} takes "
                f"{CUBE_SHAPE}, the record at full length"
            )
