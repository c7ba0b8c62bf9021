"""Atomic writes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from probes import files


def test_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    files.write_text(path, "new – ω")
    assert path.read_text(encoding="utf-8") == "new – ω"
    assert os.listdir(tmp_path) == ["a.json"]


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")

    def fail_half_way() -> None:
        with files.replacing(path) as file:
            file.write(b"half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.json"]


def test_kill_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    source = """
import os, signal, sys
from pathlib import Path
from probes import files
with files.replacing(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", source, str(path)])
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    [half] = tmp_path.glob(".*.tmp")
    assert files.remove_abandoned(half)
    assert os.listdir(tmp_path) == ["a.json"]


def test_half_of_a_living_writer_is_left_to_it(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with files.replacing(path) as file:
        file.write(b"half")
        [half] = tmp_path.glob(".*.tmp")
        assert not files.remove_abandoned(half)
        file.write(b" and half")
    assert path.read_text() == "half and half"


def test_what_is_no_half_of_ours_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("theirs")
    (tmp_path / ".link.tmp").symlink_to(tmp_path / "other")
    os.mkfifo(tmp_path / ".pipe.tmp")
    assert not files.remove_abandoned(tmp_path / ".link.tmp")
    assert not files.remove_abandoned(tmp_path / ".gone.tmp")
    files.remove_abandoned(tmp_path / ".pipe.tmp")
    assert (tmp_path / "other").read_text() == "theirs"
