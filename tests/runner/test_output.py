"""The bounded log, and passing on to a reader that is slow, stuck or gone."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

from runner.output import BoundedLog, Sink
from tests.runner.conftest import environment


def test_log_keeps_the_newest_end_whole(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "output.log", limit=1000)
    for n in range(1000):
        log.write(b"line %04d\n" % n)
    log.close()
    kept = (tmp_path / "output.log").read_bytes()
    assert len(kept) <= 1100
    assert kept.startswith(b"[the first ")
    assert kept.endswith(b"line 0998\nline 0999\n")
    dropped = int(kept.split()[2])
    assert dropped + len(kept.split(b"\n", 1)[1]) == log.total == 10000
    assert os.listdir(tmp_path) == ["output.log"]


def test_short_log_is_kept_whole(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "output.log", limit=1000)
    log.write(b"all of it\n")
    log.close()
    assert (tmp_path / "output.log").read_bytes() == b"all of it\n"
    assert log.tail() == b"all of it\n"


def test_tail_in_memory_is_bounded(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "output.log", limit=1 << 20)
    for n in range(100):
        log.write(bytes([n]) * 5000)
    assert len(log.tail()) == 65536
    assert log.tail().endswith(bytes([99]) * 5000)
    log.write(b"x" * 100000)
    assert log.tail() == b"x" * 65536
    log.close()


def test_log_that_cannot_be_written_says_so_once_and_keeps_the_tail(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "output.log", limit=1 << 20)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, log._descriptor)
    os.close(full)
    log.write(b"first\n")
    log.write(b"second\n")
    assert log.error is not None
    assert os.strerror(errno.ENOSPC) in log.error
    assert log.tail() == b"first\nsecond\n"
    log.close()


def test_sink_does_not_wait_for_a_full_pipe() -> None:
    read, write = os.pipe()
    sink = Sink(write)
    taken = 0
    while part := sink.write(b"x" * 65536):
        taken += part
    assert taken > 0
    assert not sink.gone
    # The descriptor that the user shares with us still waits, as before.
    assert os.get_blocking(write)
    os.read(read, 65536)
    assert sink.write(b"y") == 1
    sink.close()
    os.close(read)
    os.close(write)


def test_sink_whose_reader_went_away_takes_everything_and_forgets_it() -> None:
    read, write = os.pipe()
    sink = Sink(write)
    os.close(read)
    assert sink.write(b"x" * 10) == 10
    assert sink.gone
    assert sink.write(b"x" * 10) == 10
    sink.close()
    os.close(write)


def test_job_outlives_a_reader_that_goes_away(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    job = [sys.executable, "-c", "for n in range(200000): print(n)"]
    child = subprocess.Popen(
        [sys.executable, "-m", "runner", "exec", "--", *job],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(runs),
    )
    assert child.stdout is not None
    child.stdout.readline()
    child.stdout.close()
    assert child.stderr is not None
    said = child.stderr.read().decode()
    child.stderr.close()
    assert child.wait(60) == 0, said
    [log] = runs.glob("*/attempt-1/output.log")
    assert log.read_text().splitlines()[-1] == "199999"


def test_slow_reader_gets_every_byte(tmp_path: Path) -> None:
    job = [sys.executable, "-c", "for n in range(300000): print(n)"]
    slow = "import sys, time; time.sleep(2); print(len(sys.stdin.read()))"
    producer = subprocess.Popen(
        [sys.executable, "-m", "runner", "exec", "--watchdog", "1", "--", *job],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(tmp_path / "runs"),
    )
    consumer = subprocess.run(
        [sys.executable, "-c", slow], stdin=producer.stdout, capture_output=True, text=True
    )
    assert producer.stdout is not None
    producer.stdout.close()
    assert producer.stderr is not None
    said = producer.stderr.read().decode()
    producer.stderr.close()
    assert producer.wait(60) == 0, said
    assert int(consumer.stdout) == sum(len(str(n)) + 1 for n in range(300000))
