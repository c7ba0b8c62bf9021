"""Layouts that are indexed, and files that are refused."""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from fwi import families
from fwi.dataset import Samples
from fwi.errors import DataError
from tests.fwi.trees import cubes, maps, write_pair

RECORD = Path(__file__).resolve().parents[3] / "shared" / "data" / "000039dca2.npy"


@pytest.mark.parametrize("above", ["", "openfwi_float16_1", "data/seismic/train_samples", "model"])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_published_layouts_at_any_depth(tmp_path: Path, above: str, dtype: type) -> None:
    root = tmp_path / above
    write_pair(root, "FlatVel_A", 0, samples=3, dtype=dtype)
    write_pair(root, "FlatFault_B", 40, samples=2, dtype=dtype)
    index = families.index(tmp_path)
    assert index.names == ("FlatVel_A", "FlatFault_B")
    assert len(index) == 5
    assert index.shape == (5, 1000, 70)
    assert index.labelled
    assert index.half.tolist() == [dtype is np.float16] * 2
    assert sorted(index.path(n).name for n in range(2)) == ["data1.npy", "seis7_1_4.npy"]
    assert index.families_of(np.arange(5)).tolist() == [1, 1, 0, 0, 0]


@pytest.mark.parametrize("inside", ["", "data"])
def test_root_may_be_a_folder_of_one_family(tmp_path: Path, inside: str) -> None:
    write_pair(tmp_path, "CurveVel_A", 0)
    assert families.index(tmp_path / "CurveVel_A" / inside).names == ("CurveVel_A",)


def test_flat_files_of_a_vel_family_and_nested_ones_of_a_fault_family(tmp_path: Path) -> None:
    flat = tmp_path / "FlatVel_A"
    flat.mkdir()
    np.save(flat / "data1.npy", cubes(1, 0))
    np.save(flat / "model1.npy", maps(1, 0))
    for folder, name, array in (
        ("data", "seis2_1_0.npy", cubes(1, 1)),
        ("model", "vel2_1_0.npy", maps(1, 1)),
    ):
        nested = tmp_path / "FlatFault_A" / folder
        nested.mkdir(parents=True)
        np.save(nested / name, array)
    assert len(families.index(tmp_path)) == 2


def test_only_the_asked_families_are_looked_into(tmp_path: Path) -> None:
    write_pair(tmp_path, "FlatVel_A", 0)
    seismic, _ = write_pair(tmp_path, "Style_B", 0)
    seismic.write_bytes(b"broken")
    assert families.index(tmp_path, ["FlatVel_A"]).names == ("FlatVel_A",)
    with pytest.raises(
        DataError, match="no files of CurveVel_B; families there: FlatVel_A, Style_B"
    ):
        families.index(tmp_path, ["CurveVel_B"])


def test_other_files_are_passed_over(tmp_path: Path) -> None:
    seismic, _ = write_pair(tmp_path, "FlatVel_A", 0)
    (tmp_path / "README.md").write_text("hello")
    (tmp_path / "synth.json").write_text("{}")
    (seismic.parent / ".data2.npy.tmp").write_bytes(b"half")
    (seismic.parent / "notes.npy").write_bytes(b"not ours")
    assert len(families.index(tmp_path)) == 2


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    write_pair(tmp_path / "real", "FlatVel_A", 0)
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "in").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "loop").symlink_to(tmp_path / "real")
    assert len(families.index(linked)) == 2


def test_path_with_dots_names_its_family(tmp_path: Path) -> None:
    write_pair(tmp_path, "FlatVel_A", 0)
    assert families.index(tmp_path / "FlatVel_A" / "data" / "..").names == ("FlatVel_A",)


def test_family_with_maps_alone_is_refused_though_others_are_whole(tmp_path: Path) -> None:
    write_pair(tmp_path, "FlatVel_A", 0)
    seismic, _ = write_pair(tmp_path, "FlatVel_B", 0)
    seismic.unlink()
    with pytest.raises(DataError, match=r"FlatVel_B/model/model1\.npy: .*without its seismic file"):
        families.index(tmp_path)
    assert families.index(tmp_path, ["FlatVel_A"]).files == 1


def test_maps_of_the_same_name_in_another_tree_are_not_taken(tmp_path: Path) -> None:
    _, velocity = write_pair(tmp_path / "one", "FlatVel_A", 0)
    write_pair(tmp_path / "two", "FlatVel_A", 0)
    velocity.unlink()
    with pytest.raises(DataError, match=r"one/.*data1\.npy: without its velocity file"):
        families.index(tmp_path)


@pytest.fixture
def nobody() -> Iterator[Path]:
    """A folder that anybody can enter, for a process that is not root."""
    was = os.geteuid()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)
        os.seteuid(was)


def test_folder_that_cannot_be_entered_is_refused_not_passed_over(nobody: Path) -> None:
    write_pair(nobody, "FlatVel_A", 0)
    closed = nobody / "closed"
    closed.mkdir(mode=0)
    if os.geteuid() == 0:
        os.seteuid(65534)
    with pytest.raises(DataError, match="closed: folder cannot be read: Permission denied"):
        families.index(nobody)


def break_truncated(seismic: Path, velocity: Path) -> None:
    os.truncate(seismic, seismic.stat().st_size - 1)


def break_longer(seismic: Path, velocity: Path) -> None:
    with open(velocity, "ab") as file:
        file.write(b"x")


def break_empty(seismic: Path, velocity: Path) -> None:
    seismic.write_bytes(b"")


def break_pickle(seismic: Path, velocity: Path) -> None:
    np.save(seismic, np.array([{"a": 1}], dtype=object), allow_pickle=True)


def break_bare_pickle(seismic: Path, velocity: Path) -> None:
    seismic.write_bytes(pickle.dumps([1, 2, 3]))


def break_shape(seismic: Path, velocity: Path) -> None:
    np.save(seismic, np.zeros((2, 5, 70, 1000), np.float32))


def break_double(seismic: Path, velocity: Path) -> None:
    np.save(velocity, maps(2, 0).astype(np.float64))


def break_integers(seismic: Path, velocity: Path) -> None:
    np.save(velocity, maps(2, 0).astype(np.int32))


def break_endian(seismic: Path, velocity: Path) -> None:
    np.save(velocity, maps(2, 0).astype(">f4"))


def break_order(seismic: Path, velocity: Path) -> None:
    np.save(velocity, np.asfortranarray(maps(2, 0)))


def break_count(seismic: Path, velocity: Path) -> None:
    np.save(velocity, maps(3, 0))


def break_none(seismic: Path, velocity: Path) -> None:
    np.save(seismic, cubes(0, 0))
    np.save(velocity, maps(0, 0))


def break_pipe(seismic: Path, velocity: Path) -> None:
    velocity.unlink()
    os.mkfifo(velocity)


def break_link(seismic: Path, velocity: Path) -> None:
    seismic.unlink()
    seismic.symlink_to(seismic)


def break_unpaired(seismic: Path, velocity: Path) -> None:
    velocity.unlink()


def break_widowed(seismic: Path, velocity: Path) -> None:
    seismic.unlink()


@pytest.mark.parametrize(
    ("break_it", "named", "said"),
    [
        (break_truncated, "data2.npy", "the file is truncated"),
        (break_longer, "model2.npy", "the file is too long"),
        (break_empty, "data2.npy", "not an .npy file"),
        (break_pickle, "data2.npy", "holds Python objects"),
        (break_bare_pickle, "data2.npy", "not an .npy file"),
        (break_shape, "data2.npy", r"expected \(n, 5, 1000, 70\)"),
        (break_double, "model2.npy", "type <f8, expected little-endian float32 or float16"),
        (break_integers, "model2.npy", "type <i4"),
        (break_endian, "model2.npy", "type >f4"),
        (break_order, "model2.npy", "Fortran order"),
        (break_count, "model2.npy", r"shape \(3, 1, 70, 70\), expected \(2, 1, 70, 70\)"),
        (break_none, "data2.npy", r"shape \(0, 5, 1000, 70\), expected .* n from 1"),
        (break_pipe, "model2.npy", "a folder, pipe or device"),
        (break_link, "data2.npy", "cannot be read: Too many levels of symbolic links"),
        (break_unpaired, "data2.npy", "without its velocity file"),
        (break_widowed, "model2.npy", "without its seismic file"),
    ],
)
def test_bad_file_is_refused_with_its_name_and_what_was_expected(
    tmp_path: Path, break_it: Callable[[Path, Path], None], named: str, said: str
) -> None:
    write_pair(tmp_path, "FlatVel_A", 0)
    break_it(*write_pair(tmp_path, "FlatVel_A", 1))
    with pytest.raises(DataError, match=rf"{named}: .*{said}"):
        families.index(tmp_path)


def test_many_bad_files_are_counted(tmp_path: Path) -> None:
    for n in range(8):
        seismic, _ = write_pair(tmp_path, "FlatVel_A", n, samples=1)
        seismic.write_bytes(b"")
    with pytest.raises(DataError, match="… and 3 more files"):
        families.index(tmp_path)


def test_two_sizes_of_cubes_in_one_folder_are_refused(tmp_path: Path) -> None:
    write_pair(tmp_path, "FlatVel_A", 0)
    seismic, _ = write_pair(tmp_path, "FlatVel_A", 1)
    np.save(seismic, cubes(2, 0, np.float16, (5, 72, 72)))
    with pytest.raises(DataError, match="one size of cubes"):
        families.index(tmp_path)


@pytest.mark.parametrize("make", [lambda p: None, lambda p: p.mkdir()])
def test_folder_without_data_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    root = tmp_path / "empty"
    make(root)
    with pytest.raises(DataError, match="empty: no"):
        families.index(root)
    with pytest.raises(DataError, match="empty: no"):
        families.index_test(root)


def test_test_folder_is_one_record_a_file_in_order_of_names(tmp_path: Path) -> None:
    folder = tmp_path / "test"
    folder.mkdir()
    for oid in ("ffff00000a", "0000aaaa01"):
        np.save(folder / f"{oid}.npy", cubes(1, 0)[0])
    index = families.index_test(tmp_path)
    assert (len(index), index.labelled) == (2, False)
    assert [index.name_of(n) for n in range(2)] == ["0000aaaa01.npy", "ffff00000a.npy"]
    np.save(folder / "bad.npy", cubes(2, 0))
    with pytest.raises(DataError, match=r"bad\.npy: shape \(2, 5, 1000, 70\)"):
        families.index_test(tmp_path)


@pytest.mark.skipif(not RECORD.is_file(), reason=f"the real record is not at {RECORD}")
def test_real_record_of_the_competition_is_indexed(tmp_path: Path) -> None:
    shutil.copy(RECORD, tmp_path)
    index = families.index_test(tmp_path)
    assert index.half.tolist() == [True]
    cube = Samples(index)[0]
    assert cube.shape == (5, 1000, 70)
    assert (round(float(cube.min()), 2), round(float(cube.max()), 2)) == (-21.38, 40.56)


def test_index_holds_arrays_and_nothing_a_sample(tmp_path: Path) -> None:
    write_pair(tmp_path, "FlatVel_A", 0, samples=40)
    index = families.index(tmp_path)
    held = [value for value in vars(index).values() if isinstance(value, np.ndarray)]
    assert all(array.dtype != object for array in held)
    assert sum(array.nbytes for array in held) < 400
