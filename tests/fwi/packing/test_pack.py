"""The pack that is made: names, maps, folds, checksums."""

from __future__ import annotations

import csv
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fwi import families, manifest
from fwi.__main__ import parse
from fwi.config import Pack, to_argv
from fwi.packing import pack
from tests.fwi.packing.jobs import digests, ended, start
from tests.fwi.trees import cubes, maps, write_pair


def test_names_and_folders_are_kept_and_a_table_and_checksums_added(packed: Path) -> None:
    assert set(digests(packed)) == {
        "SHA256SUMS",
        "folds.csv",
        "test/0000000000.npy",
        "test/0000000001.npy",
        "test/0000000002.npy",
        "train_samples/CurveFault_B/seis6_1_2.npy",
        "train_samples/CurveFault_B/seis6_1_33.npy",
        "train_samples/CurveFault_B/vel6_1_2.npy",
        "train_samples/CurveFault_B/vel6_1_33.npy",
        "train_samples/FlatVel_A/data/data1.npy",
        "train_samples/FlatVel_A/data/data50.npy",
        "train_samples/FlatVel_A/model/model1.npy",
        "train_samples/FlatVel_A/model/model50.npy",
    }


@pytest.mark.parametrize(
    ("size", "shape"), [("full", (5, 1000, 70)), ("70", (5, 70, 70)), ("72", (5, 72, 72))]
)
def test_pack_is_found_as_data_of_its_size(
    source: Path, tmp_path: Path, size: Any, shape: tuple[int, ...]
) -> None:
    pack(Pack(source=source, dest=tmp_path / "pack", size=size))
    index = families.index(tmp_path / "pack")
    assert (index.shape, len(index), index.files) == (shape, 8, 4)
    assert index.half.all()
    assert not index.velocity_half.any()
    test = np.load(tmp_path / "pack/test/0000000001.npy", allow_pickle=False)
    assert (test.shape, test.dtype) == (shape, np.float16)


def test_folds_hold_the_official_split_and_paths_of_the_pack(packed: Path) -> None:
    with open(packed / "folds.csv", newline="") as file:
        rows = [list(row.values()) for row in csv.DictReader(file)]
    fault, vel = "train_samples/CurveFault_B/", "train_samples/FlatVel_A/"
    assert rows == [
        ["CurveFault_B", "-100", fault + "seis6_1_2.npy", fault + "vel6_1_2.npy"],
        ["CurveFault_B", "0", fault + "seis6_1_33.npy", fault + "vel6_1_33.npy"],
        ["FlatVel_A", "-100", vel + "data/data1.npy", vel + "model/model1.npy"],
        ["FlatVel_A", "0", vel + "data/data50.npy", vel + "model/model50.npy"],
    ]
    parts = families.split(families.index(packed))
    assert parts.how == "folds"
    assert {parts.validation.name_of(n) for n in range(2)} == {"data50.npy", "seis6_1_33.npy"}


def test_maps_are_the_sources_byte_for_byte(source: Path, packed: Path) -> None:
    name = "train_samples/FlatVel_A/model/model1.npy"
    assert (packed / name).read_bytes() == (source / name).read_bytes()


def test_linked_maps_take_no_room_and_count_as_maps(source: Path, tmp_path: Path) -> None:
    dest = tmp_path / "pack"
    pack(Pack(source=source, dest=dest, maps="link", size="72"))
    link = dest / "train_samples/CurveFault_B/vel6_1_2.npy"
    assert link.is_symlink()
    assert len(families.index(dest)) == 8
    pack(Pack(source=dest, check=True))


def test_float16_of_full_size_from_float16_is_the_source_itself(
    source: Path, tmp_path: Path
) -> None:
    pack(Pack(source=source, dest=tmp_path / "pack", families=("CurveFault_B",)))
    name = "train_samples/CurveFault_B/seis6_1_2.npy"
    assert (tmp_path / "pack" / name).read_bytes() == (source / name).read_bytes()
    assert not (tmp_path / "pack" / "test").exists()
    assert not (tmp_path / "pack/train_samples/FlatVel_A").exists()


@pytest.mark.parametrize("inside", ["FlatVel_A", "FlatVel_A/data"])
def test_family_of_a_source_inside_its_folder_is_kept(
    pair: Path, tmp_path: Path, inside: str
) -> None:
    if inside.endswith("data"):
        (pair / "FlatVel_A/model/model1.npy").rename(pair / "FlatVel_A/data/model1.npy")
    pack(Pack(source=pair / inside, dest=tmp_path / "pack", size="72"))
    assert len(families.index(tmp_path / "pack", ("FlatVel_A",))) == 2


def test_folds_and_far_maps_of_a_repack_are_taken_along(tmp_path: Path) -> None:
    source = tmp_path / "openfwi_72x72"
    (source / "FlatVel_A").mkdir(parents=True)
    (tmp_path / "train_samples/FlatVel_A/model").mkdir(parents=True)
    rows = ["dataset,fold,data_fpath,label_fpath"]
    for n, fold in ((1, 0), (2, -100)):
        np.save(source / f"FlatVel_A/data{n}.npy", cubes(2, n, np.float32, (5, 72, 72)))
        np.save(tmp_path / f"train_samples/FlatVel_A/model/model{n}.npy", maps(2, n))
        rows.append(f"FlatVel_A,{fold},x/data{n}.npy,train_samples/FlatVel_A/model/model{n}.npy")
    (source / "folds.csv").write_text("\n".join(rows) + "\n")
    pack(Pack(source=source, dest=tmp_path / "pack", size="72"))
    index = families.index(tmp_path / "pack")
    assert index.fold.tolist() == [0, -100]
    assert index.velocity_path(0) == tmp_path / "pack/FlatVel_A/model1.npy"
    assert np.load(index.path(0)).dtype == np.float16


def test_test_records_alone_are_packed_from_either_folder(source: Path, tmp_path: Path) -> None:
    pack(Pack(source=source / "test", dest=tmp_path / "pack", size="70"))
    assert set(digests(tmp_path / "pack")) == {
        "SHA256SUMS", *(f"test/{n:010x}.npy" for n in range(3))
    }  # fmt: skip


def test_coreutils_read_the_manifest_whatever_the_names(source: Path, tmp_path: Path) -> None:
    odd = tmp_path / "source" / "a\\b\nc ü"
    odd.parent.mkdir()
    odd.symlink_to(source / "train_samples")
    pack(Pack(source=odd.parent, dest=tmp_path / "pack", size="72"))
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"],
        cwd=tmp_path / "pack",
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert len(manifest.read(tmp_path / "pack")) == 8 + 2


def test_memory_is_bounded_whatever_the_files_hold(tmp_path: Path) -> None:
    """The published files hold 500 records; this one 1.4 GB of them, holes on the disk."""
    write_pair(tmp_path / "source", "FlatVel_A", 0)
    for name, shape in (("data/data1", (1000, 5, 1000, 70)), ("model/model1", (1000, 1, 70, 70))):
        path = tmp_path / f"source/FlatVel_A/{name}.npy"
        np.lib.format.open_memmap(path, "w+", np.float32, shape)
    peak = "import atexit; atexit.register(lambda: print(open('/proc/self/status').read()))\n"
    job = Pack(source=tmp_path / "source", dest=tmp_path / "pack", size="72")
    status, said = ended(start(job, peak))
    assert status == 0, said
    resident = re.search(r"VmHWM:\s+(\d+) kB", said)
    assert resident is not None
    assert int(resident[1]) * 1024 < 300e6


@pytest.mark.parametrize(
    "job",
    [
        Pack(source=Path("-a"), dest=Path("b c"), size="72", families=("FlatVel_A", "Style_B")),
        Pack(source=Path("--x"), check=True),
        Pack(source=Path("ä"), dest=Path("=b"), dtype="float32", maps="link", threads=3),
    ],
)
def test_job_written_as_arguments_is_read_as_the_same_job(job: Pack) -> None:
    assert parse(["pack", *to_argv(job)]) == job
