"""The bounded log, and passing on to a reader that is slow, stuck or gone."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from probes import procfs
from runner.bounded_log import BoundedLog, Timer
from runner.output import Sink, Stream, may_pause
from tests.runner.conftest import Supervised, environment, fault, wait_until


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


class Later:
    """An event loop's ``call_later`` whose time passes when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def __call__(self, seconds: float, what: Callable[[], None]) -> Timer:
        self.waiting.append(what)
        return self

    def cancel(self) -> None:
        self.waiting.clear()

    def pass_time(self) -> None:
        due, self.waiting = self.waiting, []
        for what in due:
            what()


def kept_in(path: Path) -> tuple[int, bytes]:
    """How many bytes the log says were dropped, and those that it has."""
    content = path.read_bytes()
    if not content.startswith(b"[the first "):
        return 0, content
    head, _, kept = content.partition(b"\n")
    return int(head.split()[2]), kept


@pytest.mark.parametrize("seed", range(6))
def test_log_of_any_writes_is_the_newest_end_without_a_gap(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    later, limit = Later(), 1 << 22
    log = BoundedLog(tmp_path / "output.log", limit, later)
    everything = bytearray()
    while len(everything) < 5 * limit:
        part = chance.randbytes(chance.choice([1, 100, 5000, 1 << 18]))
        log.write(part)
        everything += part
        if chance.random() < 0.05:
            later.pass_time()
            dropped, kept = kept_in(log.path)
            assert everything[dropped:] == kept
            assert min(len(everything), limit * 3 // 8) <= len(kept) <= limit
    log.close()
    dropped, kept = kept_in(log.path)
    assert everything[dropped:] == kept
    assert log.tail() == everything[-65536:]
    assert later.waiting == []


def test_what_is_printed_now_and_then_is_in_the_file_at_once(tmp_path: Path) -> None:
    later = Later()
    log = BoundedLog(tmp_path / "output.log", 1 << 24, later)
    for n in range(1000):
        log.write(b"%d\n" % n)
        assert log.path.read_bytes().endswith(b"%d\n" % n)
    log.close()


def test_log_goes_on_when_the_disk_has_space_again(tmp_path: Path) -> None:
    later = Later()
    log = BoundedLog(tmp_path / "output.log", 1 << 20, later)
    log.write(b"before\n")
    file, full = os.dup(log._descriptor), os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, log._descriptor)
    log.write(b"meanwhile\n")
    later.pass_time()
    assert log.error is not None
    os.dup2(file, log._descriptor)
    later.pass_time()
    assert log.error is None
    log.close()
    os.close(file)
    os.close(full)
    assert log.path.read_bytes() == b"before\nmeanwhile\n"


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


def test_reader_that_stops_for_a_while_and_goes_away_is_not_the_jobs_stall(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    job = [sys.executable, "-c", "for n in range(500000): print(n)"]
    child = subprocess.Popen(
        [sys.executable, "-m", "runner", "exec", "--watchdog", "1", "--", *job],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(runs),
    )
    assert child.stdout is not None
    child.stdout.readline()
    # The job waits meanwhile for longer than the watchdog's time.
    wait_until(lambda: False, 2.5)
    assert child.poll() is None
    child.stdout.close()
    assert child.wait(60) == 0
    [log] = runs.glob("*/attempt-1/output.log")
    assert log.read_text().splitlines()[-1] == "499999"


def test_reader_that_never_reads_again_is_given_up_and_the_log_goes_on(tmp_path: Path) -> None:
    said: list[str] = []

    async def pass_on_to_nobody() -> None:
        nobody, out = os.pipe()
        pipe, job = os.pipe()
        log = BoundedLog(tmp_path / "output.log", 1 << 24)
        sink = Sink(out)
        stream = Stream(pipe, log, sink, before_echo=lambda: None, say=said.append, patience=0.2)
        os.set_blocking(job, False)
        left = b"x" * (3 << 20)
        while left:
            stream.look()
            await asyncio.sleep(0.01)
            try:
                left = left[os.write(job, left) :]
            except BlockingIOError:
                assert stream.is_held_up
        os.close(job)
        await stream.finish()
        assert stream.bytes == 3 << 20
        stream.close()
        log.close()
        sink.close()
        os.close(nobody)
        os.close(out)

    asyncio.run(asyncio.wait_for(pass_on_to_nobody(), 30))
    assert (tmp_path / "output.log").stat().st_size == 3 << 20
    assert len(said) == 1
    assert "nobody has read our output" in said[0]


def test_gigabyte_without_a_newline_on_both_outputs_at_once(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    half = 500 << 20
    with open(tmp_path / "printed", "wb") as printed:
        child = subprocess.Popen(
            [sys.executable, "-m", "runner", "exec", "--log-limit", "4", "--",
             *fault("floods_both_outputs", half)],
            stdout=subprocess.DEVNULL,
            stderr=printed,
            env=environment(runs),
        )  # fmt: skip
        largest = 0
        while child.poll() is None:
            largest = max(largest, procfs.peak_rss(child.pid) or 0)
            wait_until(lambda: child.poll() is not None, 0.05)
    assert child.returncode == 0
    assert 0 < largest <= 50_000_000
    [folder] = runs.glob("*/attempt-1")
    result = json.loads((folder / "result.json").read_text())
    assert (result["outcome"], result["output_bytes"]) == ("ok", 2 * half)
    dropped, kept = kept_in(folder / "output.log")
    assert dropped + len(kept) == 2 * half
    assert set(kept) <= {0, 1}
    with open(tmp_path / "printed", "rb") as again:
        passed = again.read(half)
        assert passed.count(1) == half, "our own lines come before and after, never in between"


def test_job_that_closes_standard_output_goes_on_on_standard_error(
    supervise: Callable[..., Supervised],
) -> None:
    source = (
        "import os, sys, time; print('out', flush=True); os.close(1); time.sleep(0.5); "
        "print('err', file=sys.stderr, flush=True); time.sleep(0.5); os._exit(3)"
    )
    run = supervise([sys.executable, "-c", source])
    assert run.result["exit_code"] == 3
    assert (run.folder / "attempt-1" / "output.log").read_text() == "out\nerr\n"
    assert "err" in run.stderr


MIB = 1 << 20


@pytest.mark.parametrize(
    ("taken", "since_s", "capacity", "expected"),
    [
        (300_000, 0.005, MIB, True),  # 60 MB/s, in lines
        (100, 0.001, MIB, True),
        (100, 0.1, MIB, False),  # ten lines a second: each is passed on when it comes
        (MIB, 0.001, MIB, False),  # 1 GB/s: it would soon wait for us
        (MIB, 0.005, MIB, False),  # it does wait for us already
        (300_000, 0.005, 1 << 16, False),  # the same job with a small pipe
    ],
)
def test_pipe_is_left_alone_only_while_the_job_can_go_on(
    taken: int, since_s: float, capacity: int, expected: bool
) -> None:
    assert may_pause(taken, since_s, capacity) is expected
