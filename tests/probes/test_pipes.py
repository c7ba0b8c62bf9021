"""Who holds the other end of a pipe."""

from __future__ import annotations

import os
import subprocess

from probes import pipes


def test_holder_of_the_other_end_is_found() -> None:
    read, write = os.pipe()
    try:
        with subprocess.Popen(["sleep", "60"], stdout=write) as holder:
            os.close(write)
            ends = pipes.of([os.getpid(), holder.pid])
            name = os.readlink(f"/proc/self/fd/{read}")
            assert pipes.holders(os.getpid(), False, ends, name) == [holder.pid]
            assert pipes.holders(os.getpid(), True, ends, name) == []
            assert holder.pid in pipes.holders(os.getpid(), False, ends, None)
            holder.kill()
    finally:
        os.close(read)


def test_pipe_that_both_only_read_has_no_holder() -> None:
    reads = {"pipe:[7]": frozenset({False})}
    assert pipes.holders(1, False, {1: reads, 2: reads}, "pipe:[7]") == []


def test_process_that_is_gone_has_no_pipes() -> None:
    assert pipes.ends(1 << 22) == {}


def test_ends_of_a_terminal_are_told_from_those_of_another() -> None:
    pairs = [os.openpty(), os.openpty()]
    try:
        (master, slave), (_, other) = pairs
        name = pipes.name_of(os.getpid(), master)
        ends = {
            1: pipes.ends(os.getpid()),
            2: {os.ttyname(slave): frozenset({False, True})},
            3: {os.ttyname(other): frozenset({False, True})},
        }
        assert pipes.holders(1, False, ends, name) == [2]
        assert pipes.holders(1, False, ends, "/dev/ptmx") == [2, 3]
        assert pipes.holders(2, False, ends, os.ttyname(slave)) == [1]
    finally:
        for pair in pairs:
            for descriptor in pair:
                os.close(descriptor)
