"""Folders to pack, and a pack."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fwi.config import Pack
from fwi.packing import pack
from tests.fwi.trees import cubes, maps, write_pair


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A competition's folder: two families, one file of each for validation, three test records."""
    root = tmp_path_factory.mktemp("competition")
    for n in (0, 49):
        write_pair(root / "train_samples", "FlatVel_A", n)
    for n in (2, 33):
        write_pair(root / "train_samples", "CurveFault_B", n, dtype=np.float16)
    (root / "test").mkdir()
    for n in range(3):
        np.save(root / "test" / f"{n:010x}.npy", cubes(1, n)[0])
    (root / "sample_submission.csv").write_text("oid_ypos,x_1\n")
    return root


@pytest.fixture(scope="module")
def packed(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    dest = tmp_path_factory.mktemp("packed") / "pack"
    pack(Pack(source=source, dest=dest, size="72"))
    return dest


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """A source of one pair."""
    write_pair(tmp_path / "source", "FlatVel_A", 0)
    return tmp_path / "source"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five files of 24 records: long enough to be met in the middle of one."""
    root = tmp_path_factory.mktemp("large")
    records = cubes(4, 0)
    for n in range(1, 6):
        for kind in ("data", "model"):
            (root / "FlatVel_A" / kind).mkdir(parents=True, exist_ok=True)
        np.save(root / f"FlatVel_A/data/data{n}.npy", np.resize(records, (24, 5, 1000, 70)))
        np.save(root / f"FlatVel_A/model/model{n}.npy", maps(24, n))
    return root
