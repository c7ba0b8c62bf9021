"""Which files train and which validate."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from fwi import families
from fwi.errors import DataError
from fwi.families import split
from fwi.layout import pair_names
from tests.fwi.trees import write_pair


def names(index: families.Index) -> list[str]:
    return [str(index.path(n).relative_to(index.root)) for n in range(index.files)]


def many(tmp_path: Path, family: str, count: int) -> families.Index:
    """An index of many files, made from one."""
    write_pair(tmp_path, family, 0, samples=1)
    index = families.index(tmp_path)
    every = index.select(np.zeros(count, np.int64))
    seismic = np.array([pair_names(family, n)[0].encode() for n in range(count)])
    return dataclasses.replace(every, seismic=seismic)


@pytest.mark.parametrize(
    ("family", "count", "validation"),
    [
        ("FlatVel_A", 60, {f"data{n}.npy" for n in range(49, 61)}),
        ("Style_A", 134, {f"data{n}.npy" for n in range(121, 135)}),
        ("CurveFault_B", 108, {f"seis{k}_1_{j}.npy" for k in (6, 7, 8) for j in range(32, 36)}),
    ],
)
def test_official_split_is_openfwis(
    tmp_path: Path, family: str, count: int, validation: set[str]
) -> None:
    parts = split(many(tmp_path, family, count))
    assert parts.how == "official"
    assert {parts.validation.name_of(n) for n in range(parts.validation.files)} == validation
    assert parts.train.files == count - len(validation)


@pytest.mark.parametrize("fraction", [0.01, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("count", [2, 3, 10, 40])
def test_random_split_takes_a_fraction_of_files_and_never_a_whole_family(
    tmp_path: Path, fraction: float, count: int
) -> None:
    index = many(tmp_path, "FlatVel_A", count)
    parts = split(index, "random", fraction, seed=3)
    assert parts.validation.files == min(count - 1, max(1, round(fraction * count)))
    together = {*names(parts.train), *names(parts.validation)}
    assert len(together) == parts.train.files + parts.validation.files == count
    order = np.random.default_rng(0).permutation(count)
    again = split(index.select(order), "random", fraction, seed=3)
    assert set(names(again.validation)) == set(names(parts.validation))
    if count == 40 and fraction == 0.5:
        other = split(index, "random", fraction, seed=4)
        assert set(names(other.validation)) != set(names(parts.validation))


@pytest.mark.parametrize("seed", range(5))
def test_random_split_keeps_two_copies_of_a_file_together(tmp_path: Path, seed: int) -> None:
    one = many(tmp_path, "FlatVel_A", 6)
    both = one.select(np.tile(np.arange(6), 2))
    parts = split(both, "random", 0.4, seed)
    assert (parts.train.files, parts.validation.files) == (8, 4)
    assert not set(names(parts.train)) & set(names(parts.validation))
    assert set(names(parts.validation)) == set(names(split(one, "random", 0.4, seed).validation))


@pytest.mark.parametrize("how", ["auto", "official", "folds", "random"])
def test_single_file_cannot_be_split(tmp_path: Path, how: str) -> None:
    write_pair(tmp_path, "FlatVel_A", 0)
    with pytest.raises(DataError, match="cannot be split"):
        split(families.index(tmp_path), how)  # type: ignore[arg-type]
