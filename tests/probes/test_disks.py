"""Which file systems are looked at, and when one is full."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from probes import disks
from probes.disks import Disk, Mount

TABLE = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
23 22 0:5 / /proc rw,nosuid - proc proc rw
24 22 0:6 / /sys/fs/cgroup rw - tmpfs tmpfs rw
25 22 0:7 / /dev/shm rw - tmpfs tmpfs rw,size=4096k
26 22 0:8 / /home rw - nfs4 server:/home rw,hard
27 22 0:9 / /snap/core ro - squashfs /dev/loop0 ro
28 22 0:10 / /scratch\\040disk rw - xfs /dev/vdb rw
29 22 254:0 /var/lib /opt/lib rw - ext4 /dev/vda rw
30 22 0:11 / /data ro,relatime - ext4 /dev/vdc rw
31 22 0:12 / /hidden rw - tmpfs tmpfs rw
32 22 0:13 / /hidden rw - fuse.sshfs host: rw
broken line
"""


def test_local_file_systems_that_can_be_written_to_are_chosen_once() -> None:
    chosen = disks.chosen(disks.parse_mounts(TABLE))
    assert [mount.point for mount in chosen] == ["/", "/dev/shm", "/scratch disk"]


def test_table_of_many_mounts_is_bounded() -> None:
    many = [Mount(f"/m{n}", "tmpfs", f"0:{n}", True) for n in range(1000)]
    assert len(disks.chosen(many)) == 64


@pytest.mark.parametrize(
    ("total", "free", "full"),
    [
        (1 << 40, 0, True),
        (1 << 40, 1000 << 10, True),
        (1 << 40, 2 << 20, False),
        (4 << 20, 200 << 10, True),
        (4 << 20, 300 << 10, False),
        (0, 0, False),
    ],
)
def test_disk_is_full_where_a_few_pages_may_not_fit(total: int, free: int, full: bool) -> None:
    assert Disk("/x", "ext4", "8:1", total, free).is_full is full


def test_own_root_is_among_the_disks(tmp_path: Path) -> None:
    found = disks.look(disks.local_mounts(os.getpid()), os.getpid())
    if not found:
        pytest.skip("no local file system can be written to here")
    assert all(0 <= disk.free <= disk.total for disk in found)


def test_process_that_is_gone_has_no_disks() -> None:
    assert disks.local_mounts(1 << 30) == []
    assert disks.namespace(1 << 30) is None
