"""Files and where their samples lie, in arrays: what a dataset carries into its workers."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

NO_FOLD = int(np.iinfo(np.int16).min)
"""The fold of a file that stands in no folds.csv."""


@dataclass(frozen=True, eq=False)
class Index:
    """Files and where their samples lie: arrays with a row a file, nothing a sample.

    It is shared with loader workers by copy-on-write; arrays have no reference counts to write to.
    """

    root: Path
    shape: tuple[int, int, int]
    """Of one seismic cube."""
    names: tuple[str, ...]
    """Families by number."""
    seismic: NDArray[np.bytes_]
    """Paths below ``root``, as the file system spells them."""
    velocity: NDArray[np.bytes_] | None
    """Paths of the maps; None for the competition's test records."""
    family: NDArray[np.int8]
    fold: NDArray[np.int16]
    """The re-pack's fold; the smallest number where a file is in no folds.csv."""
    start: NDArray[np.int64]
    """First sample of each file, and the number of all at the end."""
    offset: NDArray[np.int64]
    """Bytes before the first sample in each seismic file."""
    half: NDArray[np.bool_]
    """Whether the seismic file is float16; float32 otherwise."""
    velocity_offset: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    velocity_half: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))

    def __len__(self) -> int:
        return int(self.start[-1])

    @property
    def files(self) -> int:
        return len(self.seismic)

    @property
    def labelled(self) -> bool:
        return self.velocity is not None

    @property
    def has_folds(self) -> bool:
        return bool((self.fold != NO_FOLD).any())

    def path(self, file: int) -> Path:
        """A seismic file."""
        return self.root / os.fsdecode(bytes(self.seismic[file]))

    def velocity_path(self, file: int) -> Path:
        assert self.velocity is not None
        return self.root / os.fsdecode(bytes(self.velocity[file]))

    def name_of(self, file: int) -> str:
        """The file's name without its folders."""
        return self.path(file).name

    def locate(self, position: int) -> tuple[int, int]:
        """The file of one sample, and the sample's number in it.

        Raises IndexError outside of 0 … len - 1: a negative offset would be read, not noticed.
        """
        if not 0 <= position < self.start[-1]:
            raise IndexError(f"sample {position} of {len(self)}")
        file = int(self.start.searchsorted(position, "right")) - 1
        return file, position - int(self.start[file])

    def files_of(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The file of each sample."""
        return np.searchsorted(self.start, positions, side="right") - 1

    def families_of(self, positions: NDArray[np.int64]) -> NDArray[np.int8]:
        """The family's number of each sample; ``names`` spells it."""
        return self.family[self.files_of(positions)]

    def select(self, files: NDArray[np.int64]) -> Index:
        """The same files in the given order, or some of them."""
        sizes = np.diff(self.start)[files]
        return replace(
            self,
            seismic=self.seismic[files],
            velocity=None if self.velocity is None else self.velocity[files],
            family=self.family[files],
            fold=self.fold[files],
            start=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
            offset=self.offset[files],
            half=self.half[files],
            velocity_offset=self.velocity_offset[files] if self.labelled else self.velocity_offset,
            velocity_half=self.velocity_half[files] if self.labelled else self.velocity_half,
        )
