"""Atomic writes."""

from __future__ import annotations

import os
import signal
import stat
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


@pytest.mark.parametrize(
    ("mode", "is_descriptor", "way"),
    [
        (None, False, "replace"),
        (stat.S_IFREG | 0o600, False, "replace"),
        (stat.S_IFREG, True, "append"),
        (stat.S_IFIFO, False, "append"),
        (stat.S_IFCHR, False, "append"),
        (stat.S_IFCHR, True, "append"),
        (stat.S_IFDIR, False, "refuse"),
        (stat.S_IFBLK, False, "refuse"),
        (stat.S_IFSOCK, True, "refuse"),
    ],
)
def test_place_that_a_person_named_is_written_to_as_what_it_is(
    mode: int | None, is_descriptor: bool, way: files.Way
) -> None:
    assert files.way_to(mode, is_descriptor=is_descriptor) == way


@pytest.mark.parametrize("before", ["old", None])
def test_named_link_stays_and_its_target_is_replaced(tmp_path: Path, before: str | None) -> None:
    real, link, farther = (tmp_path / name for name in ("real", "link", "farther"))
    link.symlink_to("real")
    farther.symlink_to(link)
    if before is not None:
        real.write_text(before)
    files.write_named(farther, "new")
    assert (farther.is_symlink(), link.is_symlink(), real.is_symlink()) == (True, True, False)
    assert real.read_text() == "new"
    assert sorted(os.listdir(tmp_path)) == ["farther", "link", "real"]


def test_named_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        files.write_named(pipe, "new – ω")
        assert reader.communicate(timeout=60)[0].decode() == "new – ω"
    assert pipe.is_fifo()
    with pytest.raises(OSError, match="is a pipe or a device; name a file"):
        files.named(pipe)


def test_named_descriptor_keeps_what_others_wrote_to_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    source = "from pathlib import Path; from probes import files\n"
    source += "files.write_named(Path('/dev/stderr'), 'new')"
    log.write_text("old ")
    with log.open("a") as opened:
        subprocess.run([sys.executable, "-c", source], stderr=opened, check=True)
    assert log.read_text() == "old new"


def test_named_folder_device_and_circle_of_links_are_refused(tmp_path: Path) -> None:
    files.write_named(Path(os.devnull), "nowhere")
    assert Path(os.devnull).is_char_device()
    with pytest.raises(IsADirectoryError):
        files.write_named(tmp_path, "x")
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    with pytest.raises(OSError, match="symbolic links"):
        files.write_named(circle, "x")
    assert os.listdir(tmp_path) == ["circle"]
