"""Kernel files that do not answer. A FIFO that nobody writes to stands for one: its open waits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from probes import procfs
from probes.timed_reading import TimedReader
from tests.runner.conftest import wait_until


def fifo(folder: Path) -> str:
    path = folder / "silent"
    os.mkfifo(path)
    return str(path)


def end(path: str) -> None:
    """Let whoever waits in the FIFO's open come back."""
    os.close(os.open(path, os.O_WRONLY))


def readers() -> int:
    return sum(thread.name == "reader" for thread in threading.enumerate())


def test_answer_comes_back() -> None:
    reader = TimedReader(5.0, 0.5)
    assert reader.read(1, lambda: b"a") == b"a"
    assert reader.read(1, lambda: None) is None
    assert reader.silent() == []


def test_what_does_not_answer_is_left_behind_and_not_asked_again(tmp_path: Path) -> None:
    reader, path = TimedReader(0.2, 0.1), fifo(tmp_path)
    before = readers()
    assert reader.read("stuck", lambda: procfs.read(path)) is None
    assert reader.silent() == ["stuck"]
    for _ in range(100):
        assert reader.read("stuck", lambda: b"never asked for") is None
        assert reader.read("other", lambda: b"answers") == b"answers"
    assert readers() <= before + 2
    end(path)
    assert wait_until(lambda: not reader.silent())
    assert reader.read("stuck", lambda: b"answers again") == b"answers again"


def test_error_of_the_read_is_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    reader = TimedReader(5.0, 0.5)

    def fails() -> bytes:
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such thing"):
        reader.read(1, fails)
    assert reader.read(1, lambda: b"a") == b"a"
    assert capfd.readouterr().err == ""


def test_several_threads_ask_at_once(tmp_path: Path) -> None:
    reader, path = TimedReader(0.2, 0.1), fifo(tmp_path)
    wrong = []

    def ask(who: int) -> None:
        for number in range(200):
            want = b"%d of %d" % (number, who)
            if reader.read(who, lambda want=want: want) != want:
                wrong.append(want)

    threads = [threading.Thread(target=ask, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    assert reader.read("stuck", lambda: procfs.read(path)) is None
    for thread in threads:
        thread.join()
    end(path)
    assert wrong == []


def test_forked_child_reads_with_a_thread_of_its_own(tmp_path: Path) -> None:
    source = f"""
import os, sys
from probes import procfs
from probes.timed_reading import TimedReader
reader = TimedReader(0.3, 0.1)
assert reader.read("stuck", lambda: procfs.read({fifo(tmp_path)!r})) is None
assert reader.read(1, lambda: b"parent") == b"parent"
child = os.fork()
if child == 0:
    os._exit(0 if reader.read("stuck", lambda: b"child") == b"child" else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    # The parent ends too, though a thread of it never comes back.
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", source], timeout=60)
    assert done.returncode == 0


def test_memory_of_a_process_that_does_not_answer_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = subprocess.Popen(["sleep", "60"])
    try:
        folder = tmp_path / str(child.pid)
        folder.mkdir()
        names = ("environ", "cmdline", "smaps_rollup", "maps")
        for name in names:
            os.mkfifo(folder / name)
        monkeypatch.setattr(procfs, "_ROOT", str(tmp_path))
        monkeypatch.setattr(procfs, "_reader", TimedReader(0.2, 0.1))
        began = time.monotonic()
        for _ in range(50):
            assert procfs.memory(child.pid) is None
            assert procfs.command_line(child.pid) is None
            assert procfs.has_environment(child.pid, b"A=b") is None
        # The first question waits; the others, some minutes if each did, do not.
        assert time.monotonic() - began < 10
        assert procfs.silent() == [child.pid]
        end(str(folder / "smaps_rollup"))
        assert wait_until(lambda: not procfs.silent())
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()


def test_thread_of_each_question_that_was_left_behind_works_again(tmp_path: Path) -> None:
    """Two that asked the same at a time are left behind by both."""
    reader, path = TimedReader(0.2, 0.2), fifo(tmp_path)
    asking = [
        threading.Thread(target=reader.read, args=("stuck", lambda: procfs.read(path)))
        for _ in range(2)
    ]
    before = readers()
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    end(path)
    assert wait_until(lambda: not reader.silent())
    # They end when nobody needs them.
    assert wait_until(lambda: readers() <= before)
