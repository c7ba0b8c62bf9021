"""What a job leaves over time, kept in files that stay small whatever the job does."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

import pytest

from runner.curves import Curves


def _points(path: Path) -> list[tuple[float, dict[str, float]]]:
    return [tuple(json.loads(line)) for line in path.read_text().splitlines()]


def test_only_what_changed_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "curves.jsonl"
    curves = Curves(path, 100.0, pytest.fail)
    curves.add(101.0, {"loss": 3.0, "mae": 9.0})
    curves.add(102.0, {"loss": 3.0, "mae": 9.0})
    curves.add(103.0, {"loss": 2.0, "mae": 9.0, "bad": float("nan"), "worse": float("inf")})
    curves.flush()
    assert _points(path) == [(1.0, {"loss": 3.0, "mae": 9.0}), (3.0, {"loss": 2.0})]


def test_a_run_of_twelve_hours_keeps_a_bounded_number_of_points(tmp_path: Path) -> None:
    path = tmp_path / "curves.jsonl"
    curves = Curves(path, 0.0, pytest.fail, most=500)
    for n in range(432_000):
        curves.add(n / 10, {"loss": float(n)})
    curves.flush()
    points = _points(path)
    assert 2000 < len(points) < 500 * 9
    assert points[-1][0] > 43_000
    late = [at for at, _ in points if at > 21_600]
    assert max(b - a for a, b in itertools.pairwise(late)) < 100


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_what_the_job_put_in_the_place_of_the_file_is_left_alone_and_said_once(
    tmp_path: Path, kind: str
) -> None:
    path, other = tmp_path / "curves.jsonl", tmp_path / "other"
    other.write_text("precious")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(other)
    else:
        path.mkdir()
    said: list[str] = []
    curves = Curves(path, 0.0, said.append)
    for n in range(1, 4):
        curves.add(float(n), {"loss": float(n)})
        curves.flush()
    assert len(said) == 1
    assert "was not written" in said[0]
    assert other.read_text() == "precious"
