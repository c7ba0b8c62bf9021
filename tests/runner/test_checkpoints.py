"""What a person calls a checkpoint, and what it comes to."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.commands.checkpoints import resolve
from runner.commands.usage import UsageError

OLD, NEW, NONE = (f"2026010{day}-000000-train-x-00aa" for day in (1, 2, 3))


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Three runs, the newest without a checkpoint, and a folder that is none."""
    for run in (OLD, NEW, "zzz"):
        (tmp_path / run / "checkpoints").mkdir(parents=True)
        (tmp_path / run / "checkpoints" / "last.pt").touch()
    (tmp_path / NONE / "checkpoints").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(("asked", "run"), [("last", NEW), (OLD, OLD), (NEW, NEW), (NONE, NONE)])
def test_runs_become_the_folder_of_their_checkpoints(runs: Path, asked: str, run: str) -> None:
    assert resolve("--checkpoint", asked, runs) == str(runs / run / "checkpoints")


def test_paths_stay_as_they_are(runs: Path) -> None:
    path = str(runs / OLD / "checkpoints" / "last.pt")
    assert resolve("--resume", path, runs) == path


@pytest.mark.parametrize("asked", ["20260109-000000-train-x-00aa", "../..no", "best"])
def test_what_is_not_there_is_said_with_the_option(runs: Path, asked: str) -> None:
    with pytest.raises(UsageError, match=f"--checkpoint {asked}: neither a run in"):
        resolve("--checkpoint", asked, runs)


def test_last_of_runs_without_checkpoints_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--resume last: no run in .* has a checkpoint"):
        resolve("--resume", "last", tmp_path)
