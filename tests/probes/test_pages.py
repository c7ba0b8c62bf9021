"""Kinds of pages from the sums of a rollup, against what real processes did with their memory."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from probes import pages, procfs
from probes.pages import Pages

MIB = 1 << 20


def rollup(**fields: int) -> dict[bytes, int]:
    known = dict.fromkeys(
        ("Pss_Anon", "Pss_Shmem", "Pss_File", "Anonymous", "Private_Dirty", "Shared_Dirty"), 0
    )
    return {name.encode(): value for name, value in (known | fields).items()}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        # Alone: everything anonymous is its own.
        (
            {"Pss_Anon": 100, "Anonymous": 100, "Private_Dirty": 100, "Pss_File": 7},
            Pages(private=100, file=7),
        ),
        # A child that has written to 40 of 100 inherited pages.
        (
            {"Pss_Anon": 70, "Anonymous": 100, "Private_Dirty": 40, "Shared_Dirty": 60},
            Pages(private=40, inherited=30),
        ),
        # A batch of 20 in shared memory that the main process maps too, beside 50 of its own.
        (
            {"Pss_Anon": 50, "Anonymous": 50, "Pss_Shmem": 10, "Private_Dirty": 50}
            | {"Shared_Dirty": 20},
            Pages(private=50, shmem=10),
        ),
        # The same before the main process has it.
        (
            {"Pss_Anon": 50, "Anonymous": 50, "Pss_Shmem": 20, "Private_Dirty": 70},
            Pages(private=50, shmem=20),
        ),
        ({"Pss_Anon": 9, "Anonymous": 9, "Private_Dirty": 9, "Locked": 4}, Pages(9, locked=4)),
        ({}, Pages()),
    ],
)
def test_sums_are_told_apart(fields: dict[str, int], expected: Pages) -> None:
    found = pages.of(rollup(**fields))
    assert found == expected
    assert found.total == sum(fields.get(name, 0) for name in ("Pss_Anon", "Pss_Shmem", "Pss_File"))


def test_kernel_that_does_not_tell_is_unknown() -> None:
    assert pages.of({b"Rss": 5, b"Pss": 5, b"Private_Dirty": 5}) is None


_PROGRAM = """
import mmap, os, sys
held = bytearray(b'x') * (96 << 20)
shared = mmap.mmap(-1, 32 << 20)
child = os.fork()
if child == 0:
    held[: 24 << 20] = bytes(24 << 20)
    shared.write(b'y' * (32 << 20))
    print('written', os.getpid(), flush=True)
sys.stdin.read()
"""


def test_forked_child_copies_what_it_writes_to_and_shares_the_rest() -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert program.stdout is not None
    child = int(program.stdout.readline().split()[1])
    found = {pid: procfs.memory(pid) for pid in (program.pid, child)}
    program.communicate(b"")
    for memory in found.values():
        assert memory is not None
        if memory.pages is None:
            pytest.skip("this kernel does not tell PSS by kind")
        assert abs(memory.pages.total - memory.pss) <= 16 << 10
    parent, forked = (memory.pages for memory in found.values() if memory is not None)
    assert parent is not None
    assert forked is not None
    # 24 MiB were copied by the child, so both hold 24 for themselves; 72 are half each's.
    for one in (parent, forked):
        assert 24 * MIB <= one.private < 40 * MIB
        assert 36 * MIB <= one.inherited < 46 * MIB
    assert forked.shmem == pytest.approx(32 * MIB, abs=MIB)
    assert parent.shmem < MIB
    assert os.getpid() not in found
