"""When the job was last seen to move, and by what."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from probes.pulse import Pulse
from runner import rank_pulses
from runner.output import Stream
from runner.rank_pulses import RankPulses, Standing
from runner.watchdog import Observation, Standstill

STARTUP = "startup"


class Progress:
    """A pulse is progress; output is, from a program that has never pulsed. Of several ranks it is
    the pulse of the one that the others wait for."""

    def __init__(self, pulses: RankPulses, started: float) -> None:
        self.started = started
        self.at = started
        self.pulse = Pulse(0, 0.0, "", 0, 0)
        """The newest of the job's first process."""
        self.standings: list[Standing] = []
        self.first_pulse: float | None = None
        self._hindmost = Standing(0, self.pulse)
        self._before: dict[int, Standing] = {}
        self._pulses = pulses
        self._output = 0
        self._looked = started

    def look(self, now: float, streams: Sequence[Stream]) -> bool:
        """Take in pulses and output; whether there was progress."""
        moved = False
        self.standings = [self._seen(one, now) for one in self._pulses.standings()]
        self.pulse = self.standings[0].pulse
        hindmost = rank_pulses.hindmost(self.standings)
        if hindmost is not None and hindmost != self._hindmost:
            # Another rank may have become the one to ask, whose last pulse is older.
            moved = hindmost.at_s > self.at or hindmost.rank == self._hindmost.rank
            self._hindmost = hindmost
            self.at = hindmost.at_s if moved else self.at
            if self.first_pulse is None:
                self.first_pulse = self.at
        output = sum(stream.bytes for stream in streams)
        if output != self._output:
            self._output = output
            if self._hindmost.pulse.number == 0:
                self.at, moved = now, True
        for stream in streams:
            stream.look()
            if stream.is_held_up:
                # It is our own reader that is slow, not the job.
                self.at, moved = now, True
        self._looked = now
        return moved

    def worked(self, now: float) -> None:
        """Let what a silent program does count as progress, if it does not pulse."""
        if self._hindmost.pulse.number == 0:
            self.at = now

    def _seen(self, one: Standing, now: float) -> Standing:
        """The same with the time of its pulse by our clock."""
        before = self._before.get(one.rank)
        if before is None or before.pulse != one.pulse:
            at_s = time_of(one.pulse.at_s, self._looked, now)
            before = self._before[one.rank] = dataclasses.replace(one, at_s=at_s)
        return dataclasses.replace(one, at_s=before.at_s)

    @property
    def phase(self) -> str:
        """The phase that the job stands in: that of the rank that the others wait for. A program
        that names no phases is in its startup until its first step."""
        pulse = self._hindmost.pulse
        if pulse.phase not in ("", STARTUP):
            return pulse.phase
        return STARTUP if pulse.step == 0 else ""

    def observation(self, now: float, standstill: Standstill) -> Observation:
        return Observation(
            now=now,
            started=self.started,
            last_progress=self.at,
            phase=self.phase,
            finished=rank_pulses.all_finished_s(self.standings),
            standstill=standstill.since_progress,
            standstill_total=standstill.total,
        )


def time_of(pulse_s: float, looked: float, now: float) -> float:
    """When a pulse that is new since the last look was made (pure).

    Its own time, so that a supervisor that looks late does not make it younger; but where that lies
    outside of the two looks the job's clock is not ours (a time namespace has one of its own).
    """
    return pulse_s if looked <= pulse_s <= now else now
