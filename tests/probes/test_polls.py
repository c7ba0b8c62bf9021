"""What a thread that polls waits for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from probes import pipes, polls, procfs
from tests.runner.conftest import wait_until

WAYS = {
    "poll": "p = select.poll(); p.register(0); p.poll()",
    "poll for a time": "p = select.poll(); p.register(0); p.poll(60000)",
    "select": "select.select([0], [], [])",
    "epoll": "p = select.epoll(); p.register(0); p.poll()",
    "a process": "p = select.epoll(); p.register(os.pidfd_open(os.getppid())); p.poll()",
}


@contextmanager
def waiting(way: str) -> Iterator[int]:
    """A process that polls the pipe on its standard input."""
    source = f"import os, select; {WAYS[way]}"
    child = subprocess.Popen([sys.executable, "-c", source], stdin=subprocess.PIPE)
    try:
        channel = lambda: procfs.wait_channel(child.pid, child.pid) or ""  # noqa: E731
        assert wait_until(lambda: any(w in channel() for w in ("poll", "select")))
        yield child.pid
    finally:
        child.kill()
        child.communicate()


@pytest.mark.parametrize("way", list(WAYS))
def test_what_is_polled_is_read(way: str) -> None:
    with waiting(way) as pid:
        found = polls.polled(pid, pid, procfs.wait_channel(pid, pid))
        if found is None:
            pytest.skip("the memory of another process may not be read here")
        if way == "a process":
            assert found == polls.Polled((), (os.getpid(),), has_end=False)
        else:
            name = os.readlink(f"/proc/{pid}/fd/0")
            assert found == polls.Polled((name,), (), has_end=way == "poll for a time")
            assert pipes.holders(pid, False, pipes.of([pid, os.getpid()]), name) == [os.getpid()]


def test_thread_that_does_not_poll_polls_nothing() -> None:
    assert polls.polled(os.getpid(), os.getpid()) is None
    assert polls.polled(1 << 22, 1 << 22) is None
