"""Which files train and which validate. By file: a split by sample leaks neighbours of a map."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fwi.errors import DataError
from fwi.layout import is_official_validation
from fwi.sample_index import Index

How = Literal["auto", "official", "folds", "random"]

_VALIDATION_FOLD = 0


@dataclass(frozen=True)
class Split:
    train: Index
    validation: Index
    how: str
    """``official``, ``folds`` or ``random``: what ``auto`` came to."""


def split(index: Index, how: How = "auto", fraction: float = 0.1, seed: int = 0) -> Split:
    """Two indexes without a common file.

    ``official``: OpenFWI's own (:func:`fwi.layout.is_official_validation`). ``folds``: the
    re-pack's folds.csv, fold 0 validates. ``random``: a seeded ``fraction`` of each family's
    files, at least one of two and never all, whatever order the files were found in; files of one
    name, from two re-packs of the same samples, stay together. ``auto``: folds where there are
    some, the official one where both sides have files, else random.

    Raises DataError where a side would be empty.
    """
    for one in ("folds", "official", "random") if how == "auto" else (how,):
        validates = _validates(index, one, fraction, seed)
        if 0 < validates.sum() < index.files and (
            how != "auto" or one != "folds" or index.has_folds
        ):
            files = np.arange(index.files)
            return Split(index.select(files[~validates]), index.select(files[validates]), one)
    raise DataError(
        f"{index.root}: {index.files} file(s) cannot be split ({how}): training and validation "
        f"need at least one file each; add files, make smaller ones (synth --samples-per-file), or "
        f"choose another --split"
    )


def _validates(index: Index, how: str, fraction: float, seed: int) -> NDArray[np.bool_]:
    if how == "folds":
        return np.asarray(index.fold == _VALIDATION_FOLD)
    if how == "official":
        return np.array(
            [
                is_official_validation(index.names[index.family[file]], index.name_of(file))
                for file in range(index.files)
            ],
            dtype=np.bool_,
        )
    chosen = np.zeros(index.files, np.bool_)
    for number, name in enumerate(index.names):
        files = np.flatnonzero(index.family == number)
        names = np.array([index.name_of(file) for file in files.tolist()])
        # Sorted, and a name once: neither the order of the files nor a second copy counts.
        distinct = np.unique(names)
        count = min(len(distinct) - 1, max(1, round(fraction * len(distinct))))
        if count > 0:
            draw = np.random.default_rng([seed, zlib.crc32(name.encode())])
            chosen[files[np.isin(names, draw.permutation(distinct)[:count])]] = True
    return chosen
