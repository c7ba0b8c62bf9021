"""Readings of /proc, held against what the process did."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from probes import host, procfs, stacks


def test_stat_line_with_a_hostile_name_is_read() -> None:
    rest = b" S 7 8 9 0 -1 0 1 2 3 4 250 50 0 0 20 0 1 0 12345 999 10 1844"
    found = procfs.parse_stat(b"42 (a) S 1 (b\n)" + rest)
    assert found is not None
    assert (found.pid, found.name, found.state) == (42, "a) S 1 (b\n", "S")
    assert (found.ppid, found.session, found.start_ticks) == (7, 9, 12345)
    assert found.cpu_s == pytest.approx(300 / os.sysconf("SC_CLK_TCK"))


@pytest.mark.parametrize("raw", [b"", b"42", b"42 (x", b"42 (x) S 1"])
def test_broken_stat_line_is_unknown(raw: bytes) -> None:
    assert procfs.parse_stat(raw) is None


def test_process_that_is_gone_is_unknown() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert procfs.stat(child.pid) is None
    assert procfs.memory(child.pid) is None
    assert procfs.tasks(child.pid) == []
    assert procfs.wanted_cpu_s(child.pid) in (None, 0.0)
    assert procfs.has_environment(child.pid, b"PATH=x") is None


def test_zombie_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    who = procfs.identity(child.pid)
    assert who is not None
    while procfs.is_alive(who):
        pass
    found = procfs.stat(child.pid)
    assert found is not None
    assert found.is_dead
    child.wait()


def test_memory_that_was_touched_is_in_pss_and_uss() -> None:
    source = "import sys; held = bytearray(64 << 20); print('held', flush=True); sys.stdin.read()"
    child = subprocess.Popen(
        [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    child.stdout.readline()
    stat = procfs.stat(child.pid)
    assert stat is not None
    for _ in range(100):
        # Other processes share its libraries, and come and go: their part of a page changes.
        found = procfs.memory(child.pid)
        tree = host.tree_memory([stat], with_pss=True)
        if procfs.memory(child.pid) == found:
            break
    child.communicate(b"")
    assert found is not None
    assert 64 << 20 <= found.uss <= found.pss <= found.rss < 200 << 20
    assert tree.pss == found.pss
    assert tree.largest[0][0] == child.pid
    assert tree.processes == 1


def test_environment_entry_is_matched_whole() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env={"FWI_RUN": "abc"}
    )
    # Between its exec and its first instruction a process shows no environment.
    while procfs.has_environment(child.pid, b"FWI_RUN=abc") is None:
        pass
    assert procfs.has_environment(child.pid, b"FWI_RUN=abc") is True
    assert not procfs.has_environment(child.pid, b"FWI_RUN=ab")
    child.communicate(b"\n")


def test_threads_are_listed_with_their_state() -> None:
    release = threading.Event()
    thread = threading.Thread(target=release.wait, daemon=True)
    thread.start()
    me = procfs.stat(os.getpid())
    assert me is not None
    assert thread.native_id is not None
    for _ in range(1000):
        found = {t.tid: t for t in stacks.threads(me.pid)}
        if found[thread.native_id].state == "S":
            break
    release.set()
    thread.join()
    assert found[os.getpid()].state == "R"
    assert found[thread.native_id].state == "S"
    assert str(thread.native_id) in stacks.table(found.values())


def test_boot_has_a_name() -> None:
    assert procfs.boot_id()
