"""The numbers that a job leaves (loss, error, rate …), kept over time in a file of the attempt.

A line holds what changed since the line before: ``[12.5, {"loss": 341.2}]``, seconds since the
run's start. The longer a run lasts the rarer they become, so that a page can hold them all: at most
5,000 in a time, and as many again each time that the run has become 2.7 times as long.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path

MOST = 5000
_FLUSH_S = 10.0
_HOW = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Curves:
    """Never raises; a file that cannot be written is said once, and given up."""

    def __init__(self, path: Path, began: float, say: Callable[[str], None]) -> None:
        self._path = path
        self._began = began
        self._say = say
        self._known: dict[str, float] = {}
        self._lines: list[str] = []
        self._newest = -math.inf
        self._written = began
        self._is_broken = False

    def add(self, now: float, gauges: Mapping[str, float]) -> None:
        """Take in the newest values, at ``now`` on the monotonic clock."""
        at_s = now - self._began
        if self._is_broken or at_s - self._newest < at_s / MOST:
            return
        changed = {
            name: value
            for name, value in gauges.items()
            if math.isfinite(value) and self._known.get(name) != value
        }
        if not changed:
            return
        self._known |= changed
        self._newest = at_s
        self._lines.append(json.dumps([round(at_s, 3), changed]))
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
