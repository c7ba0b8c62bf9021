"""The signals that the supervisor itself gets, from the run's beginning to its last word.

What ends a process by default would leave a job without its supervisor, or a run without its
result. So what asks for the end is counted and handed to whoever is at work: before the job starts
and while it runs to its attempts, afterwards to what makes the pages. What is said and written
about the run is always finished.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

ENDING = (
    signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGALRM, signal.SIGXCPU,
)  # fmt: skip
PASSED_ON = (signal.SIGUSR1, signal.SIGUSR2)
"""What a scheduler sends a job before its time is over is for the job, not for us."""


class RunSignals:
    """A context of the main thread; inside of another one it is that one. In other threads, whose
    runs are several perhaps, it leaves the signals alone."""

    _at_work: RunSignals | None = None

    def __init__(self) -> None:
        self.asked = 0
        """How often the end was asked for."""
        self._end: Callable[[], None] = _nothing
        self._pass_on: Callable[[int], None] = _nothing
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> RunSignals:
        if threading.current_thread() is not threading.main_thread():
            return self
        if RunSignals._at_work is not None:
            return RunSignals._at_work
        RunSignals._at_work = self
        for number in (*ENDING, *PASSED_ON):
            # nohup has a hang-up ignored: so it stays.
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            self._before[number] = signal.signal(number, self._heard)
        return self

    def __exit__(self, *error: object) -> None:
        if RunSignals._at_work is not self or not self._before:
            return
        RunSignals._at_work = None
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def hand_to(self, end: Callable[[], None], pass_on: Callable[[int], None]) -> None:
        """Call ``end`` for each time that the end is asked for from now on, and at once if it was
        before; ``pass_on`` with a signal that is for the job."""
        self._end, self._pass_on = end, pass_on
        for _ in range(self.asked):
            end()

    def hand_to_nobody(self) -> None:
        """From now on the end is only counted."""
        self._end, self._pass_on = _nothing, _nothing

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if number in PASSED_ON:
            self._pass_on(number)
            return
        self.asked += 1
        self._end()


def _nothing(*_: object) -> None:
    pass
