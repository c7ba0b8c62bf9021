"""What cannot be packed, or not there: refused by name, with nothing half-written."""

from __future__ import annotations

import dataclasses
import fcntl
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fwi import families
from fwi.config import Pack, problems
from fwi.errors import DataError, DiskFullError, UsageError
from fwi.packing import pack
from tests.fwi.packing.jobs import digests, ended, start
from tests.fwi.trees import write_pair

LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (3 * 2**20, 3 * 2**20))
"""


@pytest.mark.parametrize(
    ("dest", "named"),
    [
        ("source", "the same folder as SOURCE"),
        ("source/pack", "inside of SOURCE"),
        ("linked/pack", "inside of SOURCE"),
        (".", "around SOURCE"),
        ("file", "a file, expected a folder"),
        (None, "DEST: expected a folder"),
    ],
)
def test_folders_that_cannot_be_are_refused(
    pair: Path, tmp_path: Path, dest: str | None, named: str
) -> None:
    (tmp_path / "linked").symlink_to(pair)
    (tmp_path / "file").touch()
    job = Pack(source=pair, dest=tmp_path / dest if dest is not None else None)
    assert any(named in line for line in problems(job))
    before = digests(tmp_path)
    with pytest.raises(UsageError, match=named):
        pack(job)
    assert digests(tmp_path) == before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"size": "full"}, "size 72 there, full now"),
        ({"dtype": "float32"}, "dtype float16 there, float32 now"),
        ({"maps": "link"}, "maps copy there, link now"),
    ],
)
def test_another_pack_in_the_folder_is_left_alone(
    source: Path, packed: Path, change: dict[str, Any], named: str
) -> None:
    before = digests(packed)
    with pytest.raises(UsageError, match=named):
        pack(dataclasses.replace(Pack(source=source, dest=packed, size="72"), **change))
    assert digests(packed) == before


def test_pack_of_another_source_is_left_alone(pair: Path, packed: Path) -> None:
    with pytest.raises(UsageError, match=r"only moved, write its new place into .*pack\.json"):
        pack(Pack(source=pair, dest=packed, size="72"))


@pytest.mark.parametrize("theirs", ["folds.csv", "FlatVel_A/data/data1.npy"])
def test_files_that_pack_did_not_write_are_left_alone(
    pair: Path, tmp_path: Path, theirs: str
) -> None:
    path = tmp_path / "pack" / theirs
    path.parent.mkdir(parents=True)
    path.write_text("theirs")
    with pytest.raises(UsageError, match=f"{theirs} is there, but no pack.json"):
        pack(Pack(source=pair, dest=tmp_path / "pack"))
    assert path.read_text() == "theirs"


def test_second_job_in_the_folder_is_refused_while_the_first_works(
    pair: Path, tmp_path: Path
) -> None:
    (tmp_path / "pack").mkdir()
    with open(tmp_path / "pack/.pack.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another pack job works there"):
            pack(Pack(source=pair, dest=tmp_path / "pack"))


def test_truncated_source_is_refused_before_anything_is_written(pair: Path, tmp_path: Path) -> None:
    os.truncate(pair / "FlatVel_A/data/data1.npy", 5000)
    with pytest.raises(DataError, match=r"data1\.npy: 5,000 bytes, expected .* truncated"):
        pack(Pack(source=pair, dest=tmp_path / "pack"))
    assert not (tmp_path / "pack").exists()


def test_source_cut_while_it_is_packed_is_named_and_no_half_file_stays(
    large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "source/FlatVel_A/data/data1.npy"
    write_pair(tmp_path / "source", "FlatVel_A", 0, samples=4)
    index = families.index

    def cut_after(*arguments: Any) -> Any:
        found = index(*arguments)
        os.truncate(path, 3_000_000)
        return found

    monkeypatch.setattr(families, "index", cut_after)
    with pytest.raises(DataError, match=r"data1\.npy: ends .* copy it again"):
        pack(Pack(source=tmp_path / "source", dest=tmp_path / "pack"))
    assert not list((tmp_path / "pack/FlatVel_A/data").iterdir())


def test_nan_in_a_source_is_named_with_its_record(pair: Path, tmp_path: Path) -> None:
    path = pair / "FlatVel_A/data/data1.npy"
    records = np.load(path)
    records[1, 2, 3, 4] = np.nan
    np.save(path, records)
    with pytest.raises(DataError, match=r"data1\.npy: record 1 holds NaN"):
        pack(Pack(source=pair, dest=tmp_path / "pack"))


def test_reduced_source_is_not_made_full(packed: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="already reduced"):
        pack(Pack(source=packed / "train_samples", dest=tmp_path / "pack"))


def test_folder_without_records_is_refused(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    with pytest.raises(DataError, match="no files of any family"):
        pack(Pack(source=tmp_path / "source", dest=tmp_path / "pack"))


def test_write_refused_in_mid_file_is_explained_and_leaves_no_half_file(
    large: Path, tmp_path: Path
) -> None:
    status, said = ended(start(Pack(source=large, dest=tmp_path / "pack"), LIMITED))
    assert status == 3
    assert "File too large" in said
    assert "make room and give the same command again" in said
    assert not list((tmp_path / "pack").rglob("*.tmp"))
    assert not list((tmp_path / "pack").rglob("data*.npy"))


def test_pack_larger_than_the_disk_is_refused_before_anything_is_written(
    pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = SimpleNamespace(free=1000)
    monkeypatch.setattr("shutil.disk_usage", lambda _: full)
    with pytest.raises(DiskFullError, match=r"are to be written and 0\.00 GiB are free"):
        pack(Pack(source=pair, dest=tmp_path / "pack"))
    assert not list((tmp_path / "pack").rglob("*.npy"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_that_may_not_be_written_to_is_refused(pair: Path, tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir(mode=0o500)
    with pytest.raises(UsageError, match="cannot be written to"):
        pack(Pack(source=pair, dest=tmp_path / "pack"))
