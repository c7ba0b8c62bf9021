"""Threads that do tasks side by side, while the main thread alone pulses and hears of signals."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from fwi.interruption import Interruption

_LOOK_S = 0.2
"""Between looks for a signal where nothing is done: a read that hangs must not hide it."""
_PATIENCE_S = 10.0
"""For threads that are to leave. One that hangs in a read is left behind: it is a daemon."""

Task = TypeVar("Task")


class Stopped(BaseException):
    """In a thread: leave, and clean up on the way. Not an Exception: it is nobody's failure."""


class Report:
    """What a thread says of its work."""

    def __init__(self, said: queue.SimpleQueue[int | BaseException | None]) -> None:
        self._said = said
        self._stop = threading.Event()

    def done(self, amount: int) -> None:
        """So much more is done. Raises Stopped where the thread is to leave."""
        self._said.put(amount)
        self.check()

    def check(self) -> None:
        if self._stop.is_set():
            raise Stopped

    def stop(self) -> None:
        self._stop.set()


def work(
    tasks: Iterable[Task],
    worker: Callable[[Report], Callable[[Task], None]],
    threads: int,
    advance: Callable[[int], None],
) -> None:
    """Do all tasks, each by one of ``threads`` threads; ``advance(amount)`` in the main thread.

    ``worker(report)`` is called once a thread and gives what does a task: its buffers are its own.

    Raises the first exception of a thread, or Interrupted after SIGTERM or SIGINT; either way when
    the threads have left.
    """
    said: queue.SimpleQueue[int | BaseException | None] = queue.SimpleQueue()
    report = Report(said)
    shared = _Shared(iter(tasks))

    def run() -> None:
        try:
            do = worker(report)
            for task in shared:
                report.check()
                do(task)
        except BaseException as error:
            said.put(error)
        said.put(None)

    crew = [threading.Thread(target=run, name=f"crew-{n}", daemon=True) for n in range(threads)]
    with Interruption() as interruption:
        for thread in crew:
            thread.start()
        try:
            at_work = len(crew)
            while at_work:
                try:
                    message = said.get(timeout=_LOOK_S)
                except queue.Empty:
                    message = 0
                interruption.check()
                if message is None:
                    at_work -= 1
                elif isinstance(message, BaseException):
                    raise message
                elif message:
                    advance(message)
        finally:
            report.stop()
            until = time.monotonic() + _PATIENCE_S
            for thread in crew:
                thread.join(max(0.0, until - time.monotonic()))


class _Shared(Iterator[Task]):
    """One iterator for several threads: a list of all tasks is never made."""

    def __init__(self, tasks: Iterator[Task]) -> None:
        self._tasks = tasks
        self._lock = threading.Lock()

    def __next__(self) -> Task:
        with self._lock:
            return next(self._tasks)
