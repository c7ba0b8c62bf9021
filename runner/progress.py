"""When the job was last seen to move, and by what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probes.procfs import Stat
from probes.pulse import Pulse, Reader
from runner.output import Stream
from runner.watchdog import Observation, Standstill

STARTUP = "startup"
_REAL_WORK_S = 0.05
"""Processor seconds between two looks that are more than the noise of waking up (a tick: 0.01)."""


class Progress:
    """A pulse is progress; output is, from a program that has never pulsed."""

    def __init__(self, reader: Reader, started: float) -> None:
        self.started = started
        self.at = started
        self.pulse = Pulse(0, 0.0, "", 0, 0)
        self.first_pulse: float | None = None
        self._reader = reader
        self._output = 0
        self._cpu_s = 0.0
        self._looked = started

    def look(self, now: float, streams: Sequence[Stream]) -> bool:
        """Take in pulses and output; whether there was progress."""
        moved = False
        newest = self._reader.newest()
        if newest.number != self.pulse.number:
            self.pulse, self.at, moved = newest, time_of(newest.at_s, self._looked, now), True
            if self.first_pulse is None:
                self.first_pulse = self.at
        output = sum(stream.bytes for stream in streams)
        if output != self._output:
            self._output = output
            if self.pulse.number == 0:
                self.at, moved = now, True
        for stream in streams:
            stream.look()
            if stream.is_held_up:
                # It is our own reader that is slow, not the job.
                self.at, moved = now, True
        self._looked = now
        return moved

    def look_at_processors(self, now: float, members: Iterable[Stat]) -> None:
        """Let processor time count as progress of a program that does not pulse."""
        used = sum(stat.cpu_s for stat in members)
        if self.pulse.number == 0 and used - self._cpu_s >= _REAL_WORK_S:
            self.at = now
        self._cpu_s = used

    def observation(self, now: float, standstill: Standstill) -> Observation:
        return Observation(
            now=now,
            started=self.started,
            last_progress=self.at,
            phase=self._phase(),
            finished=self._reader.finished_s() if self.pulse.number else None,
            standstill=standstill.since_progress,
            standstill_total=standstill.total,
        )

    def _phase(self) -> str:
        """A program that names no phases is in its startup until its first step."""
        if self.pulse.phase not in ("", STARTUP):
            return self.pulse.phase
        return STARTUP if self.pulse.step == 0 else ""


def time_of(pulse_s: float, looked: float, now: float) -> float:
    """When a pulse that is new since the last look was made (pure).

    Its own time, so that a supervisor that looks late does not make it younger; but where that lies
    outside of the two looks the job's clock is not ours (a time namespace has one of its own).
    """
    return pulse_s if looked <= pulse_s <= now else now
