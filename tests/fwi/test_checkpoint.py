"""Checkpoints: whole or not there, and nothing but data."""

from __future__ import annotations

import os
import pickle
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from fwi import checkpoint, rng
from fwi.checkpoint import BEST, LAST, PREVIOUS, DiskFullError
from fwi.errors import DataError, UsageError


def state(mark: float = 0.0, numbers: int = 10) -> checkpoint.State:
    return {
        "format": checkpoint.FORMAT,
        "config": {"model": "specproj", "families": ["Style_A"]},
        "samples": {"train": 3, "validation": 1},
        "place": {"epoch": 1, "position": 2, "step": 5, "moves": 5},
        "model": {"weight": torch.full((numbers,), mark)},
        "ema": None,
        "optimizer": {},
        "scaler": {},
        "rng": rng.state(),
        "running": {"newest": 1.5, "total": 3.0, "samples": 2},
        "best": mark,
    }


def mark_of(path: Path) -> float:
    return float(checkpoint.load(path)["model"]["weight"][0])


def test_what_was_saved_is_loaded_and_the_last_but_one_and_the_best_are_kept(
    tmp_path: Path,
) -> None:
    for mark in (1.0, 2.0, 3.0):
        checkpoint.save(tmp_path, state(mark), is_best=mark == 2.0)
    assert [mark_of(tmp_path / name) for name in (LAST, PREVIOUS, BEST)] == [3.0, 2.0, 2.0]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([LAST, PREVIOUS, BEST])
    saved = checkpoint.load(tmp_path / LAST)
    assert saved["place"] == state()["place"]
    assert saved["config"] == state()["config"]


def test_random_state_comes_back_through_a_file(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, state(), is_best=False)
    drawn = _draws()
    rng.restore(checkpoint.load(tmp_path / LAST)["rng"])
    # state() was taken before the first draws.
    assert _draws() == drawn


def _draws() -> tuple[Any, ...]:
    import random

    import numpy as np

    return random.random(), np.random.rand(), torch.rand(1).item()


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    at = content.index(torch.full((4,), 7.0).numpy().tobytes())
    content[at] ^= 1
    path.write_bytes(content)


def foreign(path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, path)


def of_another_format(path: Path) -> None:
    torch.save(state() | {"format": 99}, path)


def with_a_part_missing(path: Path) -> None:
    torch.save({k: v for k, v in state().items() if k != "optimizer"}, path)


def with_a_part_of_a_wrong_type(path: Path) -> None:
    torch.save(state() | {"model": [1, 2]}, path)


def noise(path: Path) -> None:
    path.write_bytes(os.urandom(5000))


DAMAGES = [
    (truncated, "not a sound checkpoint"),
    (emptied, "not a sound checkpoint"),
    (flipped, "checksum"),
    (noise, "not a sound checkpoint"),
    (foreign, "bare weights cannot be continued"),
    (of_another_format, "format 99"),
    (with_a_part_missing, "optimizer"),
    (with_a_part_of_a_wrong_type, "model"),
]


@pytest.mark.parametrize(("damage", "words"), DAMAGES, ids=lambda v: getattr(v, "__name__", ""))
def test_damaged_last_is_a_data_error_alone_and_passed_over_for_the_one_before(
    tmp_path: Path, damage: Any, words: str
) -> None:
    checkpoint.save(tmp_path, state(6.0), is_best=False)
    checkpoint.save(tmp_path, state(7.0), is_best=False)
    damage(tmp_path / LAST)
    with pytest.raises(DataError, match=words) as refused:
        checkpoint.load(tmp_path / LAST)
    assert LAST in str(refused.value)
    for asked in (tmp_path, tmp_path / LAST):
        found = checkpoint.find(asked)
        assert found.path.name == PREVIOUS
        assert found.state["best"] == 6.0
        assert words in found.passed_over[0]


class _Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("was-run",)


@pytest.mark.parametrize("write", [torch.save, lambda o, p: p.write_bytes(pickle.dumps(o))])
def test_hostile_file_is_refused_and_nothing_in_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    write({"format": 1, "model": _Hostile()}, tmp_path / LAST)
    with pytest.raises(DataError, match="not a sound checkpoint"):
        checkpoint.find(tmp_path)
    assert not (tmp_path / "was-run").exists()


def test_folder_without_a_checkpoint_and_missing_file_are_data_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no checkpoint in this folder"):
        checkpoint.find(tmp_path)
    with pytest.raises(DataError, match=r"best\.pt: no such checkpoint"):
        checkpoint.find(tmp_path / BEST)


def test_every_file_is_named_where_none_is_sound(tmp_path: Path) -> None:
    for name in (LAST, PREVIOUS, BEST):
        noise(tmp_path / name)
    with pytest.raises(DataError) as refused:
        checkpoint.find(tmp_path)
    assert all(name in str(refused.value) for name in (LAST, PREVIOUS, BEST))


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow beyond 20 kB: to the writer, a disk that fills up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_full_disk_is_error_disk_and_the_last_checkpoint_stays(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    checkpoint.save(tmp_path, state(1.0), is_best=True)
    request.getfixturevalue("small_files")
    with pytest.raises(DiskFullError, match=r"errno 27.*--checkpoints.*--resume") as refused:
        checkpoint.save(tmp_path, state(2.0, numbers=100_000), is_best=True)
    assert refused.value.outcome == "error.disk"
    assert sorted(p.name for p in tmp_path.iterdir()) == [BEST, LAST]
    assert mark_of(tmp_path / LAST) == 1.0


def test_killed_at_any_moment_the_folder_holds_a_sound_checkpoint(tmp_path: Path) -> None:
    source = f"""
import torch
from pathlib import Path
from fwi import checkpoint
from tests.fwi.test_checkpoint import state
for mark in range(10**6):
    checkpoint.save(Path({str(tmp_path)!r}), state(float(mark), 300_000), is_best=mark % 2 == 0)
    print(mark, flush=True)
"""
    for pause in (0.0, 0.003, 0.01):
        child = subprocess.Popen(
            [sys.executable, "-c", source], stdout=subprocess.PIPE, start_new_session=True
        )
        assert child.stdout is not None
        for _ in range(3):
            assert child.stdout.readline()
        time.sleep(pause)
        child.kill()
        assert child.wait() == -signal.SIGKILL
        child.stdout.close()
        assert checkpoint.find(tmp_path).state["best"] >= 2.0
    checkpoint.prepare(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} <= {LAST, PREVIOUS, BEST}


def test_try_out_leaves_nothing(tmp_path: Path) -> None:
    assert checkpoint.try_out(tmp_path, state()) > 1000
    assert list(tmp_path.iterdir()) == []


def test_folder_is_made_and_one_that_cannot_be_is_a_usage_error(tmp_path: Path) -> None:
    checkpoint.prepare(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"--checkpoints .*file/c: .*name a folder to write to"):
        checkpoint.prepare(tmp_path / "file" / "c")


def test_checkpoints_of_an_earlier_run_are_set_aside_not_replaced(tmp_path: Path) -> None:
    assert checkpoint.set_aside(tmp_path) is None
    checkpoint.save(tmp_path, state(1.0), is_best=True)
    aside = checkpoint.set_aside(tmp_path)
    assert aside is not None
    assert mark_of(aside / BEST) == 1.0
    assert not (tmp_path / LAST).exists()
