"""A pack that was ended half-way, or changed since, and what another run makes of it."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from fwi.config import Pack
from fwi.errors import DataError
from fwi.packing import pack
from tests.fwi.packing.jobs import digests, ended, start, wait_until
from tests.fwi.trees import cubes, write_pair


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


def test_what_was_removed_and_is_not_asked_for_is_in_no_table(
    pair: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pair(pair, "CurveVel_A", 1)
    dest = tmp_path / "pack"
    pack(Pack(source=pair, dest=dest, size="72"))
    shutil.rmtree(dest / "CurveVel_A")
    pack(Pack(source=pair, dest=dest, size="72", families=("FlatVel_A",)))
    assert "CurveVel_A" not in (dest / "folds.csv").read_text()
    pack(Pack(source=dest, check=True))
    assert "are as they were packed" in capsys.readouterr().out


def test_only_the_halves_of_pack_jobs_are_removed(pair: Path, tmp_path: Path) -> None:
    dest = tmp_path / "pack"
    (dest / "sub").mkdir(parents=True)
    theirs = [dest / "sub" / ".draft.tmp", dest / ".vimrc.npy.tmp"]
    # In a folder that holds no pack yet, nothing that looks like a half is one.
    theirs += [before := dest / ".data9.npy.abcdefgh.tmp"]
    for path in theirs:
        path.write_text("precious")
    job = Pack(source=pair, dest=dest, size="72")
    pack(job)
    assert [path.read_text() for path in theirs] == ["precious"] * 3
    halves = [dest / ".folds.csv.abcdefgh.tmp", dest / "FlatVel_A/data/.data1.npy.ab_d3fgh.tmp"]
    for path in halves:
        path.write_text("half")
    pack(job)
    assert not any(path.exists() for path in (*halves, before))
    assert [path.read_text() for path in theirs[:2]] == ["precious"] * 2


def test_half_a_line_in_the_journal_costs_its_file_only(pair: Path, tmp_path: Path) -> None:
    job = Pack(source=pair, dest=tmp_path / "pack", size="72")
    pack(job)
    journal = tmp_path / "pack/.pack.journal"
    journal.write_text(journal.read_text()[:-40])
    before = digests(tmp_path / "pack")
    pack(job)
    assert digests(tmp_path / "pack") == before
    assert all(json.loads(line) for line in journal.read_text().splitlines())
