"""The pack job against the folder that it leaves, however it ended."""

from __future__ import annotations

import csv
import dataclasses
import fcntl
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fwi import families, manifest
from fwi.__main__ import main, parse
from fwi.config import Pack, problems, to_argv
from fwi.errors import DataError, DiskFullError, UsageError
from fwi.packing import pack
from tests.fwi.trees import cubes, maps, write_pair

ROOT = Path(__file__).resolve().parents[2]


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


def digests(folder: Path) -> dict[str, str]:
    """Of all but what pack keeps for itself."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name[0] != "." and path.name != "pack.json"
    }


def start(job: Pack, before: str = "") -> subprocess.Popen[str]:
    program = "import sys; from fwi.__main__ import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.Popen(
        [sys.executable, "-c", before + program, "pack", *to_argv(job)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip


def ended(child: subprocess.Popen[str]) -> tuple[int, str]:
    out, err = child.communicate(timeout=100)
    assert "Traceback" not in err
    return child.returncode, out + err


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the awaited state never came"
        time.sleep(0.002)


# What a pack is


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


# Going on


def test_second_run_writes_nothing(
    source: Path, packed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    times = {path: path.stat().st_mtime_ns for path in packed.rglob("*.npy")}
    pack(Pack(source=source, dest=packed, size="72"))
    assert times == {path: path.stat().st_mtime_ns for path in packed.rglob("*.npy")}
    assert "nothing to pack: all 7 files" in capsys.readouterr().out


@pytest.mark.parametrize("change", ["lost", "cut", "source changed"])
def test_only_what_is_not_as_it_should_be_is_packed_again(
    pair: Path, tmp_path: Path, change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pair(pair, "FlatVel_A", 1)
    job = Pack(source=pair, dest=tmp_path / "pack", size="72")
    pack(job)
    before = digests(tmp_path / "pack")
    target = tmp_path / "pack/FlatVel_A/data/data2.npy"
    if change == "lost":
        target.unlink()
    elif change == "cut":
        os.truncate(target, 1000)
    else:
        np.save(pair / "FlatVel_A/data/data2.npy", cubes(2, 99))
    pack(job)
    assert "packed 2 records in 1 files" in capsys.readouterr().out
    after = digests(tmp_path / "pack")
    if change == "source changed":
        differing = {name for name in before if before[name] != after[name]}
        assert differing == {"FlatVel_A/data/data2.npy", "SHA256SUMS"}
    else:
        assert after == before


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


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_run_ended_half_way_is_continued_to_the_same_bytes(
    large: Path, tmp_path: Path, number: signal.Signals
) -> None:
    dest = tmp_path / "killed"
    job = Pack(source=large, dest=dest, threads=1)
    child = start(job)
    folder = dest / "FlatVel_A" / "data"
    # One file is whole, the next is half-written.
    wait_until(
        lambda: (
            (folder / "data1.npy").exists()
            and any(part.stat().st_size > 2**20 for part in folder.glob(".data*.tmp"))
        )
    )
    child.send_signal(number)
    status, said = ended(child)
    assert not (dest / "SHA256SUMS").exists()
    assert len(list(folder.glob("data*.npy"))) < 5
    if number == signal.SIGKILL:
        assert status == -signal.SIGKILL
        assert list(folder.glob(".*.tmp"))
    else:
        assert status == 128 + signal.SIGTERM
        assert "stopped by SIGTERM after" in said
        assert not list(folder.glob(".*.tmp"))
    with pytest.raises(DataError, match="not finished"):
        pack(Pack(source=dest, check=True))

    kept = {path: path.stat().st_mtime_ns for path in folder.glob("data*.npy")}
    pack(job)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert not list(dest.rglob("*.tmp"))
    pack(dataclasses.replace(job, dest=tmp_path / "undisturbed"))
    assert digests(dest) == digests(tmp_path / "undisturbed")


def test_half_a_line_in_the_journal_costs_its_file_only(pair: Path, tmp_path: Path) -> None:
    job = Pack(source=pair, dest=tmp_path / "pack", size="72")
    pack(job)
    journal = tmp_path / "pack/.pack.journal"
    journal.write_text(journal.read_text()[:-40])
    before = digests(tmp_path / "pack")
    pack(job)
    assert digests(tmp_path / "pack") == before
    assert all(json.loads(line) for line in journal.read_text().splitlines())


# Verifying


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


# What cannot be packed


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


LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (3 * 2**20, 3 * 2**20))
"""


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


# What it takes


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


# The command line


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
