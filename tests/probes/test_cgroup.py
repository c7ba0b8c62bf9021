"""Which memory controller applies: from the kernel's own texts, and in a real cgroup."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from probes import cgroup, host

V1 = """\
25 1 0:22 / /sys/fs/cgroup ro - tmpfs tmpfs rw
30 25 0:26 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory
31 25 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
"""
V2 = "30 25 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
CONTAINER = (
    "30 25 0:26 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
    "31 25 0:27 / /mnt/with\\040space rw - cgroup2 cgroup2 rw\n"
)


def folders(membership: str, mounts: str) -> list[tuple[int, str]]:
    found = cgroup.candidates(cgroup.parse_membership(membership), cgroup.parse_mounts(mounts))
    return [(group.version, os.path.normpath(group.folder)) for group in found]


@pytest.mark.parametrize(
    ("membership", "mounts", "first"),
    [
        ("4:memory:/job\n0::/\n", V1, (1, "/sys/fs/cgroup/memory/job")),
        ("0::/user.slice/job\n", V2, (2, "/sys/fs/cgroup/user.slice/job")),
        ("3:cpu,memory:/docker/abc/x\n", CONTAINER, (1, "/sys/fs/cgroup/memory/x")),
        # The path is of a tree that is not shown here: the mount's top is all there is.
        ("4:memory:/elsewhere\n", CONTAINER, (1, "/sys/fs/cgroup/memory")),
    ],
)
def test_likeliest_folder(membership: str, mounts: str, first: tuple[int, str]) -> None:
    assert folders(membership, mounts)[0] == first


def test_version_2_line_beside_a_version_1_controller_does_not_come_first() -> None:
    found = folders("4:memory:/job\n0::/other\n", V1)
    assert [version for version, _ in found] == [1, 1, 2, 2]


def test_odd_lines_are_passed_over() -> None:
    assert cgroup.parse_membership("garbage\n\n5:memory:/a:b\n") == {"memory": "/a:b"}
    assert cgroup.parse_mounts("garbage\n\n1 2 3\n") == []


def test_limit_is_the_smallest_from_here_to_the_top(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "memory.max").write_text("max\n")
    (tmp_path / "a" / "memory.max").write_text("1000\n")
    (tmp_path / "memory.max").write_text("5000\n")
    assert cgroup.MemoryGroup(2, inner, tmp_path).limit() == 1000
    (tmp_path / "a" / "memory.max").write_text("max\n")
    assert cgroup.MemoryGroup(2, inner, tmp_path).limit() == 5000


def test_memory_is_accounted_by_the_nearest_folder_that_has_the_controller(tmp_path: Path) -> None:
    job = tmp_path / "session.scope" / "job"
    job.mkdir(parents=True)
    of_the_job = cgroup.MemoryGroup(2, job, tmp_path)
    assert cgroup.accounting(of_the_job) is None
    (tmp_path / "session.scope" / "memory.current").write_text("1\n")
    found = cgroup.accounting(of_the_job)
    assert found == cgroup.MemoryGroup(2, job.parent, tmp_path)
    # Whatever stands above the mount is of another tree.
    assert cgroup.accounting(cgroup.MemoryGroup(2, job, job)) is None


def test_unlimited_version_1_is_no_limit(tmp_path: Path) -> None:
    (tmp_path / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert cgroup.MemoryGroup(1, tmp_path, tmp_path).limit() is None


def test_kernel_kill_in_a_group_is_counted_there_and_limits_are_read(memory_cgroup: Path) -> None:
    source = """
import os, sys
open(sys.argv[1] + "/cgroup.procs", "w").write(str(os.getpid()))
from probes import cgroup
own = cgroup.memory_group()
print(own.limit(), own.oom_kills(), flush=True)
held = []
while True:
    held.append(b"x" * (8 << 20))
"""
    done = subprocess.run(
        [sys.executable, "-c", source, str(memory_cgroup)],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.stdout.split() == [str(64 << 20), "0"], done.stderr
    assert done.returncode == -9
    version = 2 if (memory_cgroup / "memory.events").exists() else 1
    assert cgroup.MemoryGroup(version, memory_cgroup, memory_cgroup.parent).oom_kills() == 1


def test_readings_of_this_machine_are_plausible() -> None:
    total = host.machine_memory()
    limit = host.memory_limit()
    assert 0 < limit <= total
