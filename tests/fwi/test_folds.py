"""The 72×72 re-pack and its table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from fwi import families
from fwi.errors import DataError
from fwi.families import split
from tests.fwi.trees import cubes, maps

HEAD = "dataset,fold,data_fpath,label_fpath\n"


def write_pack(folder: Path, label: Callable[[int], object], folds: Sequence[int]) -> Path:
    """A re-pack of FlatVel_A whose table spells the maps of file n as ``label(n)``."""
    (folder / "FlatVel_A").mkdir(parents=True)
    rows = ""
    for n, fold in enumerate(folds, 1):
        np.save(folder / f"FlatVel_A/data{n}.npy", cubes(1, n, np.float16, (5, 72, 72)))
        rows += f"FlatVel_A,{fold},/kaggle/input/x/FlatVel_A/data{n}.npy,{label(n)}\n"
    (folder / "folds.csv").write_text(HEAD + rows)
    return folder


def write_maps(folder: Path, numbers: Sequence[int]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for n in numbers:
        np.save(folder / f"model{n}.npy", maps(1, n))


@pytest.mark.parametrize(
    ("label", "lies"),
    [
        ("{tmp}/far/FlatVel_A/model/model{n}.npy", "far/FlatVel_A/model"),
        ("labels/model{n}.npy", "sets/pack/labels"),
        ("full/FlatVel_A/model/model{n}.npy", "sets/full/FlatVel_A/model"),
        ("/kaggle/input/w/train_samples/FlatVel_A/model/model{n}.npy", "sets/pack/FlatVel_A/model"),
        (
            "/kaggle/input/w/train_samples/FlatVel_A/model/model{n}.npy",
            "sets/train_samples/FlatVel_A/model",
        ),
        ("/somewhere/else/model{n}.npy", "sets/pack/inside/FlatVel_A/model"),
    ],
    ids=[
        "absolute",
        "from the table",
        "beside the table's folder",
        "another machine's, in the re-pack",
        "another machine's, in the tree beside it",
        "by family and name",
    ],
)
def test_maps_are_found_where_the_table_says(tmp_path: Path, label: str, lies: str) -> None:
    pack = write_pack(
        tmp_path / "sets" / "pack", lambda n: label.format(tmp=tmp_path, n=n), [0, -100, -100]
    )
    # Maps of files that the re-pack does not hold are no fault of it.
    write_maps(tmp_path / lies, [1, 2, 3, 4])
    index = families.index(pack)
    assert [index.velocity_path(n).resolve() for n in range(3)] == [
        tmp_path / lies / f"model{n}.npy" for n in (1, 2, 3)
    ]
    parts = split(index)
    assert (parts.how, parts.train.files, parts.validation.files) == ("folds", 2, 1)
    assert parts.validation.name_of(0) == "data1.npy"


def test_maps_of_another_family_are_never_taken(tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "pack", lambda n: f"/k/FlatVel_A/model/model{n}.npy", [0, -100])
    write_maps(tmp_path / "pack" / "model", [1, 2])
    write_maps(tmp_path / "pack" / "FlatVel_B" / "model", [1, 2])
    with pytest.raises(DataError, match=r"data1\.npy: without its velocity file"):
        families.index(pack)


def test_folder_of_one_family_takes_the_table_above_it(tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "pack", lambda n: f"labels/model{n}.npy", [0, -100])
    write_maps(pack / "labels", [1, 2])
    assert split(families.index(pack / "FlatVel_A")).how == "folds"


def test_table_of_a_spreadsheet_program_is_read(tmp_path: Path) -> None:
    pack = write_pack(tmp_path, lambda n: f"labels/model{n}.npy", [0, -100])
    write_maps(pack / "labels", [1, 2])
    table = pack / "folds.csv"
    table.write_text("\ufeff" + table.read_text().replace("\n", "\r\n"))
    assert families.index(pack).has_folds


def test_two_tables_that_differ_are_refused(tmp_path: Path) -> None:
    for name, folds in (("one", [0, -100]), ("two", [-100, 0])):
        pack = write_pack(tmp_path / name, lambda n: f"labels/model{n}.npy", folds)
        write_maps(pack / "labels", [1, 2])
    with pytest.raises(DataError, match=r"one/folds\.csv and .*two/folds\.csv differ"):
        families.index(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "columns none, expected dataset, fold"),
        ("a,b\n1,2\n", "columns a, b, expected dataset, fold"),
        (HEAD + "FlatVel_A,0,a,b\nFlatVel_A,first,a,b\n", "line 3 .*'first'"),
        (HEAD + "FlatVel_A,99999,a,b\n", "line 2 .*fold 99999, expected 0"),
        (HEAD + "FlatVel_A,0\n", "line 2 "),
        (HEAD + '"' + "x" * 200_000, "field larger than field limit"),
        ("\udcff", "is not of the re-pack's table"),
    ],
    ids=["empty", "other columns", "no number", "large number", "short", "endless", "not UTF-8"],
)
def test_table_that_is_none_is_refused(tmp_path: Path, text: str, said: str) -> None:
    pack = write_pack(tmp_path, lambda n: f"labels/model{n}.npy", [0, -100])
    (pack / "folds.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(DataError, match=rf"folds\.csv: .*{said}"):
        families.index(pack)
