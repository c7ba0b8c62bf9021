"""Frozen cgroups, of both versions, with real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from probes import cgroup, freezer, procfs
from tests.runner.conftest import wait_until

MOUNTS = cgroup.parse_mounts(
    """\
31 24 0:27 / /cg/freezer rw - cgroup cgroup rw,freezer
32 24 0:28 / /cg/memory rw - cgroup cgroup rw,memory
33 24 0:29 /box /cg/unified rw - cgroup2 cgroup2 rw
"""
)


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ({"freezer": "/a", "memory": "/b", "": "/box/c"},
         [(1, "/cg/freezer/a/freezer.state"), (2, "/cg/unified/c/cgroup.events")]),
        # Outside of what is shown here.
        ({"": "/other"}, []),
        ({"memory": "/b"}, []),
    ],
)  # fmt: skip
def test_files_that_tell(paths: dict[str, str], expected: list[tuple[int, str]]) -> None:
    found = freezer.candidates(paths, MOUNTS)
    assert [(version, os.path.normpath(place)) for version, place in found] == expected


@pytest.mark.parametrize(
    ("version", "raw", "frozen"),
    [
        (1, b"FROZEN\n", True),
        (1, b"FREEZING\n", False),
        (1, b"THAWED\n", False),
        (2, b"populated 1\nfrozen 1\n", True),
        (2, b"populated 1\nfrozen 0\n", False),
        (2, b"populated 1\n", False),
        (2, b"", False),
    ],
)
def test_words_of_the_kernel(version: int, raw: bytes, frozen: bool) -> None:
    assert freezer.says_frozen(version, raw) == frozen


@pytest.fixture(params=[1, 2])
def switch(request: pytest.FixtureRequest) -> Iterator[tuple[Path, str, str]]:
    """The file of a new group that freezes it, and the words for that and for its end."""
    lines = (procfs.read("/proc/self/mountinfo") or b"").decode("utf-8", "replace")
    paths = cgroup.parse_membership((cgroup.membership(os.getpid()) or b"").decode())
    places = dict(freezer.candidates(paths, cgroup.parse_mounts(lines)))
    if request.param not in places:
        pytest.skip(f"no cgroup of version {request.param} that freezes is mounted here")
    folder = places[request.param].parent / f"test-{uuid.uuid4().hex}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup can be made here: {error}")
    words = ("freezer.state", "FROZEN", "THAWED")
    name, freeze, thaw = words if request.param == 1 else ("cgroup.freeze", "1", "0")
    yield folder / name, freeze, thaw
    (folder / name).write_text(thaw)
    assert wait_until(lambda: not (folder / "cgroup.procs").read_text())
    folder.rmdir()


def test_real_process_is_frozen_and_thawed(switch: tuple[Path, str, str]) -> None:
    file, freeze, thaw = switch
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    try:
        (file.parent / "cgroup.procs").write_text(str(child.pid))
        assert not freezer.is_frozen(child.pid)
        file.write_text(freeze)
        assert wait_until(lambda: freezer.is_frozen(child.pid))
        assert not freezer.is_frozen(os.getpid())
        file.write_text(thaw)
        assert wait_until(lambda: not freezer.is_frozen(child.pid))
    finally:
        file.write_text(thaw)
        child.kill()
        child.wait()
