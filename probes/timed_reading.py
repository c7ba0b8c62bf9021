"""Reading of kernel files that may never answer, by a thread that can be left behind.

``/proc/<pid>/environ``, ``cmdline``, ``maps`` and ``smaps_rollup`` take the lock of that process's
address space (``mmap_lock``), and wait for as long as another thread sleeps in the kernel with it,
on a file server that is gone for example: it is why ``ps`` hangs on such a machine. So a thread
reads, and whoever asks waits no longer than a given time. A thread that is still at it is left
alone, and what it is at is not asked for again until it has come back. The kernel lets such a
reader be killed, so it keeps no process from ending.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

_IDLE_S = 5.0
"""Seconds after which a thread that nobody needs ends."""


@dataclass
class _Request:
    what: Callable[[], bytes | None]
    done: threading.Event = field(default_factory=threading.Event)
    answer: bytes | None = None
    error: Exception | None = None
    is_left: bool = False
    """Whether nobody waits for it any more."""

    def result(self) -> bytes | None:
        if self.error is not None:
            raise self.error
        return self.answer


class TimedReader:
    """Answers within ``limit_s`` seconds or not at all.

    Within ``short_s`` while something else does not answer: a tree may hold many such processes.
    Several threads may ask at once.
    """

    def __init__(self, limit_s: float, short_s: float) -> None:
        self._limit_s = limit_s
        self._short_s = short_s
        self._begin_anew()
        # A forked child has this object and none of its threads.
        os.register_at_fork(after_in_child=self._begin_anew)

    def _begin_anew(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[queue.SimpleQueue[_Request]] = []
        self._silent: dict[Hashable, _Request] = {}

    def read(self, whose: Hashable, what: Callable[[], bytes | None]) -> bytes | None:
        """What ``what`` returns or raises.

        None when it takes too long, or when what was asked for under the same ``whose`` before has
        not come back yet.
        """
        with self._lock:
            if whose in self._silent:
                return None
            if not self._idle:
                self._idle.append(self._new_thread())
            asked = self._idle.pop()
            limit_s = self._short_s if self._silent else self._limit_s
        request = _Request(what)
        asked.put(request)
        if request.done.wait(limit_s):
            with self._lock:
                self._idle.append(asked)
            return request.result()
        with self._lock:
            if request.done.is_set():
                self._idle.append(asked)
                return request.result()
            request.is_left = True
            self._silent[whose] = request
        return None

    def silent(self) -> list[Hashable]:
        """Whose answers are waited for beyond the time, the first one first."""
        with self._lock:
            return list(self._silent)

    def _new_thread(self) -> queue.SimpleQueue[_Request]:
        asked: queue.SimpleQueue[_Request] = queue.SimpleQueue()
        threading.Thread(target=self._work, args=(asked,), name="reader", daemon=True).start()
        return asked

    def _work(self, asked: queue.SimpleQueue[_Request]) -> None:
        while True:
            try:
                request = asked.get(timeout=_IDLE_S)
            except queue.Empty:
                with self._lock:
                    if asked in self._idle:
                        self._idle.remove(asked)
                        return
                continue
            try:
                request.answer = request.what()
            except Exception as error:
                request.error = error
            with self._lock:
                request.done.set()
                if request.is_left:
                    self._idle.append(asked)
                for who in [who for who, one in self._silent.items() if one is request]:
                    del self._silent[who]
