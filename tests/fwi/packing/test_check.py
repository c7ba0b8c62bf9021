"""``pack --check``: whether a pack is as it was made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fwi.__main__ import main
from fwi.config import Pack
from fwi.errors import DataError
from fwi.packing import pack
from tests.fwi.trees import maps


def test_sound_pack_is_said_to_be(packed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack(Pack(source=packed, check=True))
    assert "all 13 files" in capsys.readouterr().out


@pytest.fixture
def copied(pair: Path, tmp_path: Path) -> Path:
    pack(Pack(source=pair, dest=tmp_path / "pack", size="72"))
    return tmp_path / "pack"


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-100] ^= 4
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda p: flip_a_bit(p / "FlatVel_A/data/data1.npy"), "data1.npy: changed"),
        (lambda p: flip_a_bit(p / "FlatVel_A/model/model1.npy"), "model1.npy: changed"),
        (lambda p: (p / "FlatVel_A/model/model1.npy").unlink(), "model1.npy: No such file"),
        (lambda p: (p / "folds.csv").write_text("x"), "folds.csv: changed"),
        (lambda p: np.save(p / "FlatVel_A/data/data9.npy", maps(1, 0)), "data9.npy: not of the"),
        (lambda p: (p / "SHA256SUMS").unlink(), "the pack is not finished"),
        (lambda p: (p / "SHA256SUMS").write_text("0  x\n"), "line 1 is not a SHA-256"),
        (lambda p: (p / "SHA256SUMS").write_text("0" * 64 + "  ../x\n"), "below the folder"),
    ],
    ids=["bit", "maps", "missing", "table", "stray", "unfinished", "manifest", "outside"],
)
def test_pack_that_is_not_as_it_was_made_is_refused_by_name(
    copied: Path, spoil: Callable[[Path], None], named: str
) -> None:
    spoil(copied)
    with pytest.raises(DataError, match=named):
        pack(Pack(source=copied, check=True))


def test_check_ends_with_status_3_and_the_names(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flip_a_bit(copied / "FlatVel_A/data/data1.npy")
    assert main(["pack", str(copied), "--check"]) == 3
    assert "data1.npy: changed since it was packed" in capsys.readouterr().err
