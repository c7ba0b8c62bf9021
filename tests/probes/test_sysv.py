"""System V IPC, with real segments."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator

import pytest

from probes import sysv

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.shmat.restype = ctypes.c_void_p
LIBC.shmdt.argtypes = [ctypes.c_void_p]

TABLE = b"""\
       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid
-559038737      65538  1600               1048576   712   713      1  1000  1000  1000  1000
         0          3   644                  4096    42    42      0     0     0     0     0
cut off
"""


@pytest.fixture
def segment() -> Iterator[sysv.Segment]:
    made = LIBC.shmget(0, 1 << 16, 0o1600)
    if made < 0:
        pytest.skip(f"no System V shared memory here: {os.strerror(ctypes.get_errno())}")
    [found] = [one for one in sysv.segments() if one.id == made]
    yield found
    LIBC.shmctl(made, 0, None)


def test_columns_are_read_by_name() -> None:
    first, second = sysv.parse(TABLE)
    assert (first["shmid"], first["key"], first["cpid"], first["nattch"]) == (
        65538, -559038737, 712, 1,
    )  # fmt: skip
    assert second["size"] == 4096
    assert sysv.parse(b"") == []


def test_segment_tells_its_maker_and_is_removed(segment: sysv.Segment) -> None:
    assert (segment.maker, segment.size, segment.attached) == (os.getpid(), 1 << 16, 0)
    assert sysv.remove(segment)
    assert segment.id not in {one.id for one in sysv.segments()}
    assert not sysv.remove(segment)


def test_segment_that_somebody_uses_stays(segment: sysv.Segment) -> None:
    address = LIBC.shmat(segment.id, None, 0)
    try:
        [used] = [one for one in sysv.segments() if one.id == segment.id]
        assert used.attached == 1
        assert not sysv.remove(used)
    finally:
        LIBC.shmdt(address)


def test_queue_tells_what_waits_in_it() -> None:
    made = LIBC.msgget(0, 0o1600)
    if made < 0:
        pytest.skip(f"no System V message queues here: {os.strerror(ctypes.get_errno())}")
    message = ctypes.create_string_buffer((1).to_bytes(8, "little") + b"left")
    try:
        assert LIBC.msgsnd(made, message, 4, 0) == 0
        [found] = [one for one in sysv.queues() if one.id == made]
        assert (found.key, found.messages, found.uid) == (0, 1, os.getuid())
    finally:
        LIBC.msgctl(made, 0, None)
    assert made not in {one.id for one in sysv.queues()}
