"""Leaving in good order: a signal asks, the job goes on to a point where its state is whole.

The first SIGTERM or SIGINT asks: the step, or the wait for the loader, runs on to its end, and a
wait that does not end is left after a second. The second signal kills, as if nobody had caught it.

A signal may reach the whole process tree, and torch answers the death of a loader worker with an
exception raised wherever the main thread happens to be, in the middle of the optimizer or of a
checkpoint too. So that answer is held back until the main thread waits for the loader.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

_ASKING = (signal.SIGTERM, signal.SIGINT)
_PATIENCE_S = 1.0
"""Not at once: leaving in the middle of a batch's way here makes its sender print a traceback."""
_SIGNAL_LAG_S = 0.5
"""A worker may die of a signal a moment before the same signal reaches this process."""


class Interrupted(BaseException):
    """Somebody asked the job to end.

    Not an Exception, as KeyboardInterrupt is none: the loader takes those for a worker's failure.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(f"asked to end by {signal.Signals(signum).name}")
        self.exit_code = 128 + signum
        self.signal_name = signal.Signals(signum).name


class Interruption:
    """Listens for the asking signals while entered; in the main thread only.

    ``agree`` makes what this process was asked (0: nothing) what any of several processes was;
    ``echo_s``: seconds in which a second signal is the first one over again, as where a launcher
    passes on what the terminal has sent to its processes too.
    """

    def __init__(
        self, agree: Callable[[int], int] = lambda asked: asked, echo_s: float = 0.0
    ) -> None:
        self._agree = agree
        self._echo_s = echo_s
        self._asked_at = 0.0
        self._asked: int | None = None
        self._waiting = False
        self._worker_died = False
        self._before: dict[int, Any] = {}
        self._torch_on_child: Callable[[int, FrameType | None], Any] | None = None

    def __enter__(self) -> Interruption:
        self._before = {number: signal.signal(number, self._on_signal) for number in _ASKING}
        self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._on_alarm)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._torch_on_child is not None:
            signal.signal(signal.SIGCHLD, self._torch_on_child)

    def check(self) -> None:
        """Raise Interrupted where somebody asked, any of the processes. For the points at which
        the state is whole, or can be made so; all processes must come to the same ones."""
        asked = self._agree(self._asked or 0)
        if asked:
            self._asked = asked
            raise Interrupted(asked)

    def _check_own(self) -> None:
        if self._asked is not None:
            raise Interrupted(self._asked)

    def hold_back_dead_workers(self) -> None:
        """Call after a loader has started its workers: torch installs its own answer with them."""
        current = signal.getsignal(signal.SIGCHLD)
        if callable(current) and current != self._on_child:
            self._torch_on_child = current
            signal.signal(signal.SIGCHLD, self._on_child)

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Around a wait for the loader. Raises Interrupted when somebody has asked, also in place
        of the error that a loader raises because its workers were asked too. Of several processes
        only this one is asked: :meth:`check` is next."""
        self._check_own()
        self._waiting = True
        try:
            if self._worker_died:
                self._on_child(signal.SIGCHLD, None)
            yield
            self._check_own()
        except Exception as error:
            if "DataLoader worker" in str(error) and self._asked is None:
                time.sleep(_SIGNAL_LAG_S)  # a signal's handler runs in here
            if self._asked is not None:
                raise Interrupted(self._asked) from error
            raise
        finally:
            self._waiting = False
            if self._asked is not None:
                signal.setitimer(signal.ITIMER_REAL, 0)

    def _on_signal(self, signum: int, _: FrameType | None) -> None:
        if self._asked is not None:
            if time.monotonic() - self._asked_at < self._echo_s:
                return
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)
        self._asked, self._asked_at = signum, time.monotonic()
        if self._waiting:
            signal.setitimer(signal.ITIMER_REAL, _PATIENCE_S)

    def _on_alarm(self, _: int, __: FrameType | None) -> None:
        if self._waiting:
            self._check_own()

    def _on_child(self, signum: int, frame: FrameType | None) -> None:
        if not self._waiting:
            self._worker_died = True
            return
        self._worker_died = False
        if self._torch_on_child is not None:
            self._torch_on_child(signum, frame)
