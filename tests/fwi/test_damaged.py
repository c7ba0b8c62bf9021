"""The sample that a number is not finite because of."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from fwi import damaged, families
from fwi.dataset import Samples
from tests.fwi import trees


def samples(root: Path, of_map: bool, value: float | None) -> Samples:
    for n in (1, 2):
        seismic, velocity = trees.write_pair(root, "FlatVel_A", n, samples=3)
        if n == 2 and value is not None:
            path = velocity if of_map else seismic
            stored = np.load(path)
            stored[1].flat[5000 if not of_map else 50] = value
            np.save(path, stored)
    return Samples(families.index(root))


@pytest.mark.parametrize(
    ("of_map", "value", "says"),
    [
        (False, np.nan, "data3.npy[1]: the record holds values that are not finite"),
        (False, -np.inf, "data3.npy[1]: the record holds"),
        # Stored in float32; the network is given float16.
        (False, 1e6, "beyond float16's 65,504"),
        (True, np.nan, "model3.npy[1]: the velocity map is not finite"),
    ],
)
def test_first_sample_that_is_no_number_is_named(
    tmp_path: Path, of_map: bool, value: float, says: str
) -> None:
    beats: list[int] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = damaged.first(samples(tmp_path, of_map, value), range(6), lambda: beats.append(1))
    assert found is not None
    assert says in found
    assert beats


def test_sound_samples_are_not_blamed(tmp_path: Path) -> None:
    assert damaged.first(samples(tmp_path, False, None), range(6)) is None
    assert damaged.first(samples(tmp_path, False, np.nan), [0, 1, 2, 3, 5]) is None
