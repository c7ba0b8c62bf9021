"""What a pack job packs: which file of the source becomes which file of the pack."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fwi import config, families, repack
from fwi._pack_files import identity
from fwi.errors import DataError
from fwi.layout import is_official_validation
from fwi.sample_index import NO_FOLD, Index

VALIDATION_FOLD, TRAINING_FOLD = 0, -100


@dataclass(frozen=True)
class Maps:
    """A file of velocity maps, and where it goes."""

    source: Path
    target: str


@dataclass(frozen=True)
class Item:
    """A seismic file with its maps, and where they go: paths below the pack, parts joined by /."""

    seismic: Path
    offset: int
    """Bytes before the first record."""
    shape: tuple[int, ...]
    """(n, 5, …), or of one test record (5, …)."""
    stored: np.dtype
    target: str
    maps: Maps | None = None
    family: str | None = None
    fold: int = TRAINING_FOLD

    @property
    def records(self) -> int:
        return self.shape[0] if len(self.shape) == 4 else 1

    @property
    def cube_shape(self) -> tuple[int, int, int]:
        return self.shape[-3], self.shape[-2], self.shape[-1]

    def packed_shape(self, size: config.Size) -> tuple[int, ...]:
        return (*self.shape[:-3], *repack.shape_of(size))


@dataclass(frozen=True)
class Plan:
    """All items of a job. They are made as they are asked for: 65,818 test records are a list of
    names, not of objects."""

    labelled: Index | None
    tests: Index | None

    def __iter__(self) -> Iterator[Item]:
        if self.labelled is not None:
            for file in range(self.labelled.files):
                yield _labelled_item(self.labelled, file)
        if self.tests is not None:
            for file in range(self.tests.files):
                yield _test_item(self.tests, file)

    @property
    def files(self) -> int:
        """Of seismic records."""
        return sum(index.files for index in (self.labelled, self.tests) if index is not None)


def planned(job: config.Pack) -> Plan:
    """What ``job`` packs.

    Raises DataError as :func:`fwi.families.index` does; for a folder with nothing to pack; for
    records that are already reduced to another size; for two files that would become one.
    """
    labelled, tests = families.holds(job.source)
    plan = Plan(
        labelled=families.index(job.source, job.families)
        if labelled or job.families or not tests
        else None,
        tests=families.index_test(job.source) if tests and not job.families else None,
    )
    for index in (plan.labelled, plan.tests):
        if index is not None and not repack.can_reduce(index.shape, job.size):
            raise DataError(
                f"{index.root}: cubes of shape {index.shape}, already reduced; --size {job.size} "
                f"is made from full ones, (5, 1000, 70)"
            )
    _refuse_two_of_a_name(plan)
    return plan


def _labelled_item(index: Index, file: int) -> Item:
    family, seismic = index.names[index.family[file]], index.path(file)
    velocity = index.velocity_path(file)
    target = _below(index.root, seismic, family)
    fold = int(index.fold[file])
    if fold == NO_FOLD:
        official = is_official_validation(family, seismic.name)
        fold = VALIDATION_FOLD if official else TRAINING_FOLD
    return Item(
        seismic=seismic,
        offset=int(index.offset[file]),
        shape=(int(index.start[file + 1] - index.start[file]), *index.shape),
        stored=np.dtype(np.float16 if index.half[file] else np.float32),
        target=target,
        maps=Maps(velocity, _beside(target, velocity, seismic)),
        family=family,
        fold=fold,
    )


def _test_item(index: Index, file: int) -> Item:
    path = index.path(file)
    return Item(
        seismic=path,
        offset=int(index.offset[file]),
        shape=index.shape,
        stored=np.dtype(np.float16 if index.half[file] else np.float32),
        target=f"test/{path.name}",
    )


def _below(root: Path, path: Path, family: str) -> str:
    """The path below the source; where that begins inside the family's folder, from there on, as
    the family is known by its folder alone."""
    parts = path.relative_to(root).parts
    if family not in parts[:-1]:
        above = Path(os.path.abspath(root)).parts
        parts = above[len(above) - 1 - above[::-1].index(family) :] + parts
    return "/".join(parts)


def _beside(target: str, velocity: Path, seismic: Path) -> str:
    """Where the maps go: as in the source, also those that a folds.csv brings from elsewhere."""
    folder, _, _ = target.rpartition("/")
    if velocity.parent != seismic.parent and folder.endswith("/data"):
        folder = folder.removesuffix("data") + "model"
    return f"{folder}/{velocity.name}"


def _refuse_two_of_a_name(plan: Plan) -> None:
    seen: dict[str, Path] = {}
    for item in Plan(plan.labelled, None):
        assert item.maps is not None
        for target, path in ((item.target, item.seismic), (item.maps.target, item.maps.source)):
            if seen.setdefault(target, path) != path:
                raise DataError(
                    f"{seen[target]} and {path} would both become {target} of the pack; name the "
                    f"folder of one of them"
                )


def packed_bytes(item: Item, job: config.Pack) -> int:
    """What an item takes in the pack, headers aside."""
    cells = math.prod(item.packed_shape(job.size))
    copied = identity(item.maps.source)[0] if item.maps and job.maps == "copy" else 0
    return cells * np.dtype(job.dtype).itemsize + copied
