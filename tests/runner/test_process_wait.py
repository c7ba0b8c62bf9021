"""What one process waits for, and for which others, followed through its threads and its loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from probes import dumps
from probes.polls import Polled
from probes.stacks import ProcessPicture, Thread
from runner import process_wait, scenes
from runner.evidence import StallPicture

LOCKED = ("PyThread_acquire_lock_timed (libpython3.11.so)",)
READS = ("recv (libc.so.6)",)
WAITS = ("wait4 (libc.so.6)", "Popen._wait (subprocess.py:2046)", "run (subprocess.py:550)")
THREAD = ("Thread.run (threading.py:982)", "Thread._bootstrap_inner (threading.py:1045)")
EXECUTOR = ("_worker (concurrent/futures/thread.py:83)", *THREAD)
MODULE = ("<module> (job.py:9)",)
RESULT = ("Condition.wait (threading.py:327)", "Future.result (concurrent/futures/_base.py:451)")
POOL = (
    "Condition.wait (threading.py:327)",
    "Event.wait (threading.py:629)",
    "ApplyResult.wait (multiprocessing/pool.py:765)",
)
JOIN = ("Thread._wait_for_tstate_lock (threading.py:1139)", "Thread.join (threading.py:1119)")
ITEM = ("Condition.wait (threading.py:327)", "Queue.get (queue.py:171)")
SHUTDOWN = ("_shutdown (threading.py:1590)",)
LOOP = (
    "EpollSelector.select (selectors.py:468)",
    "BaseEventLoop._run_once (asyncio/base_events.py:1884)",
)
SERVER = ("Event.wait (threading.py:629)", "Server.serve_forever (multiprocessing/managers.py:176)")
CLIENT = ("Server.serve_client (multiprocessing/managers.py:273)", *THREAD)
BUSY_WORKER = ("f (job.py:4)", "worker (multiprocessing/pool.py:125)", "run (process.py:108)")
IDLE_WORKER = (
    "__enter__ (multiprocessing/synchronize.py:95)",
    "get (multiprocessing/queues.py:365)",
    "worker (multiprocessing/pool.py:114)",
    "run (process.py:108)",
)
MANAGES = ("poll (libc.so.6)", "_handle_workers (multiprocessing/pool.py:522)", *THREAD)


def picture(
    pid: int,
    *stacks: tuple[str, ...],
    parent: int = 0,
    name: str = "python",
    call: str | None = None,
    partners: Mapping[int, tuple[int, ...]] | None = None,
    polled: Polled | None = None,
    own_ends: int = 0,
    command: str = "python job.py",
) -> ProcessPicture:
    """A process whose threads have the numbers pid, pid + 1, …"""
    text = f"Process {pid}: {command}\nPython v3.11.7\n\n" + "".join(
        f'Thread {pid + n} (idle): "{f"Thread-{n}" if n else "MainThread"}"\n'
        + "".join(f"    {frame}\n" for frame in frames)
        for n, frames in enumerate(stacks)
    )
    found = dumps.parse(text)
    threads = [Thread(pid, pid, name, "S", None, call)]
    threads += [Thread(pid, pid + n, name, "S", None) for n in range(1, len(stacks))]
    return ProcessPicture(
        pid, name, parent, command, tuple(threads), found[0].stacks if found else (),
        partners=partners or {}, polled=polled, own_ends=own_ends,
    )  # fmt: skip


def a_child(pid: int, call: str, name: str = "cat", **more: object) -> ProcessPicture:
    return picture(pid, parent=10, call=call, name=name, **more)  # type: ignore[arg-type]


def f(*frames: str) -> tuple[str, ...]:
    """In a function of the program."""
    return (*frames, "f (job.py:4)")


FORK_SERVER = "python -c from multiprocessing.forkserver import main; main(3)"
WAKES = "socket:[1]"
TREES = [
    # A pool of processes: the worker that is busy, not the one that waits for the next task.
    ("hang.io", 0.9, (), "pid 30", [
        picture(10, (*POOL, *MODULE), MANAGES),
        picture(20, IDLE_WORKER, parent=10), picture(30, (*READS, *BUSY_WORKER), parent=10)]),
    ("hang.lock", 0.9, (), "pid 30", [
        picture(10, (*POOL, *MODULE), MANAGES),
        picture(20, IDLE_WORKER, parent=10), picture(30, (*LOCKED, *BUSY_WORKER), parent=10)]),
    ("hang.unknown", 0.5, ("hang.lock",), "pid 30", [
        picture(10, (*POOL, *MODULE), MANAGES),
        picture(30, ("clock_nanosleep (libc.so.6)", *BUSY_WORKER), parent=10)]),
    # The fork server is no part of it; what it started has its command.
    ("hang.io", 0.9, ("hang.lock",), "pid 30", [
        picture(10, (*POOL, *MODULE), MANAGES),
        picture(20, READS, parent=10, command=FORK_SERVER),
        picture(30, (*READS, *BUSY_WORKER), parent=20, command=FORK_SERVER)]),
    # No worker has anything to do: a task or a result was lost.
    ("hang.lock", 0.9, (), "pid 20): waits for work", [
        picture(10, (*POOL, *MODULE), MANAGES), picture(20, IDLE_WORKER, parent=10)]),
    # Two workers, each in another wait.
    ("hang.io", 0.7, ("hang.lock",), "pid 20", [
        picture(10, (*POOL, *MODULE), MANAGES),
        picture(20, (*READS, *BUSY_WORKER), parent=10),
        picture(30, (*LOCKED, *BUSY_WORKER), parent=10)]),
    # Whose stacks could not be taken is asked for its system call.
    ("hang.io", 0.9, ("hang.lock",), "pid 30", [
        picture(10, (*POOL, *MODULE), MANAGES),
        picture(30, parent=10, call="openat")]),
    # A thread beside a pool of processes has no part in its results.
    ("hang.lock", 0.9, (), "pid 30", [
        picture(10, (*POOL, *MODULE), MANAGES, (*f(*READS), *THREAD)),
        picture(30, (*LOCKED, *BUSY_WORKER), parent=10)]),
    ("hang.io", 0.9, (), "f (job.py:4)", [
        picture(10, (*POOL, *MODULE), ("PyThread_acquire_lock_timed (libpython3.11.so)",
                "worker (multiprocessing/pool.py:114)", *THREAD),
                (*f(*READS), "worker (multiprocessing/pool.py:125)", *THREAD))]),
    # Threads that wait for a child.
    ("hang.io", 0.9, (), "pid 30", [
        picture(10, (*RESULT, *MODULE), (*f(*WAITS), *EXECUTOR)), a_child(30, "openat")]),
    ("hang.lock", 0.9, ("hang.io",), "pid 30", [
        picture(10, (*JOIN, *MODULE), (*WAITS, *THREAD)), a_child(30, "flock")]),
    # Who puts into a queue cannot be told.
    ("hang.io", 0.7, ("hang.lock",), "pid 30", [
        picture(10, (*ITEM, *MODULE), (*f(*WAITS), *THREAD)), a_child(30, "openat")]),
    # Of several threads any may be the one.
    ("hang.io", 0.7, ("hang.lock",), "pid 10", [
        picture(10, (*JOIN, *MODULE), (*f(*READS), *THREAD), (*f(*LOCKED), *THREAD))]),
    # The result of an executor comes from its threads; the idle ones do not count.
    ("hang.lock", 0.9, (), "f (job.py:4)", [
        picture(10, (*RESULT, *MODULE), (*LOCKED, *EXECUTOR), (*f(*LOCKED), *EXECUTOR),
                (*f(*READS), *THREAD))]),
    # Who holds the other end of a pipe, and waits himself.
    ("hang.lock", 0.9, ("hang.io",), "pid 30", [
        picture(10, (*READS, *MODULE), partners={10: (30,)}), a_child(30, "futex")]),
    ("hang.io", 0.9, (), "pid 30", [
        picture(10, (*READS, *MODULE), partners={10: (30,)}), a_child(30, "openat")]),
    ("hang.lock", 0.9, ("hang.io",), "in a thread", [
        picture(10, (*READS, *MODULE), partners={10: (30,)}),
        picture(30, (*SERVER, *MODULE), (*LOCKED, *CLIENT), (*READS, "recv (connection.py:250)",
                *CLIENT), parent=10)]),
    # Both wait for one another.
    ("hang.io", 0.9, (), "pid 30", [
        picture(10, (*READS, *MODULE), partners={10: (30,)}),
        a_child(30, "write", partners={30: (10,)})]),
    # What it left behind holds its pipe: nobody waits for the end of that.
    ("hang.io", 0.9, (), "pid 10", [
        picture(10, (*READS, *MODULE), partners={10: (30,)}),
        picture(30, parent=1, call="clock_nanosleep", name="sleep")]),
    # What only passes on what others write comes last.
    ("hang.lock", 0.9, ("hang.io",), "pid 30", [
        picture(10, call="wait4", name="bash"),
        a_child(20, "read", "tee", partners={20: (10, 30)}), a_child(30, "futex", "python")]),
    ("hang.unknown", 0.5, ("hang.io",), "sleep (pid 40)", [
        picture(10, call="wait4", name="bash"),
        a_child(20, "read", "sort", partners={20: (30,)}),
        a_child(30, "read", partners={30: (40,)}), a_child(40, "clock_nanosleep", "sleep")]),
    # A loop of asyncio.
    ("hang.lock", 0.9, (), "in a thread that the event loop waits for", [
        picture(10, (*LOOP, *MODULE), (*LOCKED, "run (concurrent/futures/thread.py:58)",
                                       *EXECUTOR))]),
    ("hang.lock", 0.7, ("hang.io",), "in a thread that the event loop waits for", [
        picture(10, (*LOOP, *MODULE), (*f(*LOCKED), *EXECUTOR),
                polled=Polled((WAKES,), (30,)), own_ends=1),
        a_child(30, "read")]),
    ("hang.lock", 0.6, ("hang.io",), "its tasks wait for one another", [
        picture(10, (*LOOP, *MODULE), polled=Polled((WAKES,), has_end=False), own_ends=1)]),
    ("hang.unknown", 0.5, ("hang.lock", "hang.io"), "waits for a time", [
        picture(10, (*LOOP, *MODULE), polled=Polled((WAKES,)), own_ends=1)]),
    ("hang.io", 0.9, (), "select", [
        picture(10, (*LOOP, *MODULE), polled=Polled((WAKES, "socket:[3]")), own_ends=1)]),
    ("hang.io", 0.9, (), "select", [
        picture(10, (*LOOP, *MODULE), polled=Polled((WAKES, "socket:[3]")), own_ends=2)]),
    ("hang.io", 0.9, (), "select", [picture(10, (*LOOP, *MODULE))]),
    ("hang.lock", 0.9, ("hang.io",), "pid 30", [
        picture(10, (*LOOP, *MODULE),
                ("wait4 (libc.so.6)", "_do_waitpid (asyncio/unix_events.py:1404)", *THREAD)),
        a_child(30, "flock")]),
    ("hang.unknown", 0.5, ("hang.io",), "pid 30", [
        picture(10, (*LOOP, *MODULE), polled=Polled((WAKES,), (30,)), own_ends=1),
        a_child(30, "clock_nanosleep", "sleep")]),
    ("hang.lock", 0.9, ("hang.io",), "pid 30", [
        picture(10, (*LOOP, *MODULE), polled=Polled((WAKES, "pipe:[4]"), (30,)), own_ends=1,
                partners={10: (30,)}),
        a_child(30, "futex", "python")]),
]  # fmt: skip


@pytest.mark.parametrize(("outcome", "confidence", "also", "named", "tree"), TREES,
                         ids=range(len(TREES)))  # fmt: skip
def test_wait_is_followed_to_who_keeps_the_others_waiting(
    outcome: str,
    confidence: float,
    also: tuple[str, ...],
    named: str,
    tree: list[ProcessPicture],
) -> None:
    found = scenes.hang_of(StallPicture(9.0, 9.0, tuple(tree)))
    assert (found.outcome.value, found.confidence) == (outcome, confidence), found
    assert set(also) <= {other.value for other in found.also}
    assert named in found.facts[-1].text, found.facts


def test_pool_whose_worker_goes_on_moves() -> None:
    main = picture(10, (*POOL, *MODULE), MANAGES)
    before, after = (
        picture(30, (f"g (job.py:{line})", *BUSY_WORKER), parent=10) for line in (3, 4)
    )
    assert not scenes.moved([main, before], [main, after])
    assert scenes.moved([main, before], [main, replace(after, share=1.0)])


@pytest.mark.parametrize(
    ("works", "command", "threads"),
    [
        (True, "python job.py", [(*f(*READS), *THREAD)]),
        (True, "python -u /srv/job.py --fast", [(*f(*READS), *THREAD)]),
        (True, "python -m job", [(*f(*READS), *THREAD)]),
        (True, "python job.py", [(*f(*LOCKED), *EXECUTOR), (*LOCKED, *EXECUTOR)]),
        (True, "python job.py", [(*WAITS, "f (job.py:4)", *THREAD)]),
        # A library's thread, and one that may keep the process as well.
        (False, "python job.py", [(*READS, *THREAD)]),
        (False, "python job.py", [(*READS, "listen (client/feed.py:8)", *THREAD)]),
        (False, "python job.py", [(*f(*READS), *THREAD), (*LOCKED, *THREAD)]),
        # It waits for work or for news, or only sleeps between two looks.
        (False, "python job.py", [(*f(*ITEM), *THREAD)]),
        (False, "python job.py", [(*f("accept4 (libc.so.6)", "accept (socket.py:294)"), *THREAD)]),
        (False, "python job.py", [(*f("clock_nanosleep (libc.so.6)"), *THREAD)]),
        (False, "/usr/bin/train", [(*f(*READS), *THREAD)]),
        (False, "python job.py", []),
    ],
)
def test_program_goes_on_in_a_thread_of_its_own(
    works: bool, command: str, threads: list[tuple[str, ...]]
) -> None:
    process = picture(10, SHUTDOWN, *threads, command=command)
    assert (process_wait.unfinished(process) is not None) is works
    stall = StallPicture(9.0, 9.0, (process,))
    assert (scenes.end_reached(stall) is None) is works
    assert (scenes.left_for_a_thread(stall) is not None) is works


def test_work_in_a_thread_after_the_end_of_the_main_one_is_no_certain_wait() -> None:
    process = picture(10, SHUTDOWN, (*f(*READS), *THREAD))
    found = scenes.hang_of(StallPicture(9.0, 9.0, (process,)))
    assert (found.outcome.value, found.confidence) == ("hang.io", 0.6)


SLEEPS, WRITES = f("clock_nanosleep (libc.so.6)"), f("write (libc.so.6)")


@pytest.mark.parametrize(
    ("before", "after", "outcome", "also"),
    [
        # A loop that prints and sleeps is held by neither, whichever the captures met.
        (SLEEPS, WRITES, "hang.unknown", ("hang.io",)),
        (WRITES, SLEEPS, "hang.unknown", ("hang.io",)),
        (WRITES, WRITES, "hang.io", ()),
        (SLEEPS, SLEEPS, "hang.unknown", ()),
        (LOCKED, WRITES, "hang.io", ()),
        ((), WRITES, "hang.io", ()),
    ],
)
def test_what_both_captures_met_is_what_holds_a_process(
    before: tuple[str, ...], after: tuple[str, ...], outcome: str, also: tuple[str, ...]
) -> None:
    pictures = [picture(10, frames) if frames else picture(10) for frames in (before, after)]
    seen = scenes.completed(pictures[1:], pictures[:1])
    found = scenes.hang_of(StallPicture(9.0, 9.0, tuple(seen)))
    assert (found.outcome.value, tuple(also.value for also in found.also)) == (outcome, also)


def test_loop_that_sleeps_and_reads_is_not_followed_to_who_holds_the_other_end() -> None:
    reads, writer = picture(10, READS, partners={10: (20,)}), picture(20, LOCKED, parent=10)
    assert process_wait.awaits(reads, [reads, writer]) == (20,)
    assert process_wait.awaits(replace(reads, alternates=True), [reads, writer]) == ()
