"""The numbers that a job leaves (loss, error, rate …) and the time that it spends in each phase,
kept over time in files of the attempt.

A line holds what changed since the line before: ``[12.5, {"loss": 341.2}]``, seconds since the
run's start. The longer a run lasts the rarer they become, so that a page can hold them all: at most
5,000 in a time, and as many again each time that the run has become 2.7 times as long.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from probes.pulse import Record
from runner import machine_json
from runner.paths import AttemptPaths

MOST = 5000
MOST_OF_PHASES = 1000
_FLUSH_S = 10.0
_HOW = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class OverTime:
    """What the flight recorder of an attempt tells over time: the job's numbers, and how long it
    has been in each phase, which samples far apart could not tell."""

    def __init__(self, paths: AttemptPaths, began: float, say: Callable[[str], None]) -> None:
        self._numbers = Curves(paths.curves, began, say)
        self._phases = Curves(paths.phases, began, say, MOST_OF_PHASES)

    def add(self, now: float, record: Record) -> None:
        """Take in what it tells at ``now`` on the monotonic clock."""
        if not record.pulse.number:
            return
        self._numbers.add(now, record.gauges)
        spent = {phase.name: round(phase.seconds, 3) for phase in record.phases}
        # A phase is charged when it is left.
        since = now - record.pulse.at_s
        if record.pulse.phase in spent and since > 0:
            spent[record.pulse.phase] = round(spent[record.pulse.phase] + since, 3)
        self._phases.add(now, {name: seconds for name, seconds in spent.items() if seconds})

    def flush(self) -> None:
        """Write what waits."""
        self._numbers.flush()
        self._phases.flush()


class Curves:
    """Never raises; a file that cannot be written is said once, and given up."""

    def __init__(
        self, path: Path, began: float, say: Callable[[str], None], most: int = MOST
    ) -> None:
        self._path = path
        self._most = most
        self._began = began
        self._say = say
        self._known: dict[str, float] = {}
        self._lines: list[str] = []
        self._newest = -math.inf
        self._written = began
        self._is_broken = False

    def add(self, now: float, numbers: Mapping[str, float]) -> None:
        """Take in the newest values, at ``now`` on the monotonic clock."""
        at_s = now - self._began
        if self._is_broken or at_s - self._newest < at_s / self._most:
            return
        changed = {
            name: value
            for name, value in numbers.items()
            if math.isfinite(value) and self._known.get(name) != value
        }
        if not changed:
            return
        self._known |= changed
        self._newest = at_s
        self._lines.append(machine_json.dumps([round(at_s, 3), changed]))
        if now - self._written >= _FLUSH_S:
            self._written = now
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._is_broken or not self._lines:
            return
        try:
            # The job may have put a link or a pipe there.
            descriptor = os.open(self._path, _HOW, 0o644)
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write("".join(f"{line}\n" for line in self._lines))
        except OSError as error:
            self._is_broken = True
            self._say(f"{self._path} was not written: {error.strerror}")
        self._lines.clear()
