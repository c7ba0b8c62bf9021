"""What waits to be written to the ledger: bounded, and written whole or not at all.

The ledger may be busy, full, gone or damaged while a job runs. Nothing waits for it then: what is
to be recorded stays here and is tried again a little later, until the end of the run.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from runner import ledger_repair
from runner.ledger import (
    HURRIED_S,
    PATIENT_S,
    STARTING_S,
    Event,
    Ledger,
    LedgerBroken,
    LedgerBusy,
    LedgerError,
)
from runner.result import Result
from runner.sampling import Sample

MOST_SAMPLES = 3600
"""Samples of one attempt: when there are more, the lower of every two is dropped, and from then on
only the highest of every two, four, eight … is kept. An hour in full, at a sample a second."""
MOST_EVENTS = 1000
"""Events of one run."""
LONGEST_EVENT = 2000
"""Characters of one event."""
PERIOD_S = 10.0
"""Seconds between two transactions while all goes well."""
RETRY_S = 1.0
BUSY_FOR_LONG_S = 30.0
"""Others writing is nothing to speak of before."""


@dataclass(frozen=True)
class Beginning:
    """The row that every other one of the run refers to."""

    job: str
    label: str
    command: Sequence[str]
    started: str


@dataclass
class _Kept:
    """What of one attempt's samples is kept."""

    every: int = 1
    taken: int = 0
    highest: Sample | None = None
    """Of those that stand for one: the one that is kept, so that no peak is lost."""
    rows: int = 0
    """In the ledger."""


def _held(sample: Sample) -> int:
    """By which one sample stands for several."""
    if sample.is_between:
        return 0
    return sample.host_rss if sample.host_pss is None else sample.host_pss


class Journal:
    """Between a run and the ledger. Nothing here raises; ``trouble`` says what is not recorded."""

    def __init__(self, path: Path, run: str, say: Callable[[str], None]) -> None:
        self.trouble: str | None = None
        """Why what waits is not written; None while nothing but a little patience is missing."""
        self._path = path
        self._run = run
        self._say = say
        self._said: set[str] = set()
        self._ledger: Ledger | None = None
        self._wait_s = STARTING_S
        self._beginning: Beginning | None = None
        self._has_begun = False
        self._began = time.monotonic()
        self._samples: list[tuple[int, Sample]] = []
        self._events: list[Event] = []
        self._events_heard = 0
        self._ended: list[Result] = []
        self._kept: dict[int, _Kept] = {}
        self._due = 0.0
        self._busy_since: float | None = None

    def begin(self, beginning: Beginning) -> None:
        """Before the job starts; from then on nothing waits for another writer."""
        self._beginning = beginning
        self._began = time.monotonic()
        self._write()
        self._wait_s = HURRIED_S

    def sample(self, attempt: int, sample: Sample) -> None:
        kept = self._kept.setdefault(attempt, _Kept())
        if kept.highest is None or _held(sample) > _held(kept.highest):
            kept.highest = sample
        kept.taken += 1
        if kept.taken % kept.every == 0:
            self._keep_highest(attempt)
        if len(self._samples) > MOST_SAMPLES:
            pairs = zip_longest(self._samples[::2], self._samples[1::2])
            self._samples = [a if b is None or _held(a[1]) >= _held(b[1]) else b for a, b in pairs]
            kept.every *= 2
        if time.monotonic() >= self._due:
            self._write()

    def _keep_highest(self, attempt: int) -> None:
        kept = self._kept.get(attempt)
        if kept is not None and kept.highest is not None:
            self._samples.append((attempt, kept.highest))
            kept.highest = None

    def event(self, attempt: int, kind: str, text: str) -> None:
        self._events_heard += 1
        if self._events_heard > MOST_EVENTS:
            return
        if self._events_heard == MOST_EVENTS:
            kind, text = "note", f"there were {MOST_EVENTS} events: no further one is kept"
        at_s = time.monotonic() - self._began
        self._events.append(Event(attempt, at_s, kind, text[:LONGEST_EVENT]))

    def attempt_ended(self, result: Result) -> None:
        """Record an attempt that another will follow."""
        self._keep_highest(len(result.attempts))
        self._ended.append(result)
        self._write()

    def finish(self, result: Result) -> None:
        """Record the end of the run. Another writer is waited for now."""
        self._wait_s, self._busy_since = PATIENT_S, 0.0
        self._ended.clear()  # every attempt is in the result
        self._keep_highest(len(result.attempts))
        self._write(lambda ledger: ledger.finish(result))
        self._wait_s = HURRIED_S

    def close(self) -> None:
        for attempt in self._kept:
            self._keep_highest(attempt)
        if self._samples or self._events or self._ended:
            self._write()
        self._let_go()

    def _write(self, more: Callable[[Ledger], None] | None = None) -> None:
        """Write what waits, and ``more``; where that fails it goes on waiting."""
        if self._beginning is None:
            return
        try:
            try:
                self._write_all(self._beginning, more)
            except LedgerBroken as error:
                self._let_go()
                ledger_repair.set_aside(self._path, str(error), self._say, self._wait_s)
                self._write_all(self._beginning, more)
        except (LedgerError, OSError) as error:
            self._due = time.monotonic() + RETRY_S
            self._has_failed(error)
        else:
            self._due = time.monotonic() + PERIOD_S
            self._busy_since = None
            if self.trouble is not None:
                self.trouble = None
                self._say_once("the ledger can be written again: what waited is recorded")

    def _write_all(self, beginning: Beginning, more: Callable[[Ledger], None] | None) -> None:
        """In one transaction; only after it is what waited forgotten."""
        ledger = self._opened()
        with ledger.writing():
            if not self._has_begun:
                ledger.begin(self._run, **vars(beginning))
            attempts = Counter(attempt for attempt, _ in self._samples)
            for attempt in attempts:
                taken = [sample for n, sample in self._samples if n == attempt]
                ledger.samples(self._run, attempt, self._began, taken)
            for event in self._events:
                ledger.event(self._run, event)
            for result in self._ended:
                ledger.attempt(result)
            ledger.seen(self._run)
            if more is not None:
                more(ledger)
        self._has_begun = True
        self._samples.clear()
        self._events.clear()
        self._ended.clear()
        for attempt, count in attempts.items():
            kept = self._kept[attempt]
            kept.rows += count
            if kept.rows > MOST_SAMPLES:
                ledger.thin(self._run, attempt)
                kept.rows = (kept.rows + 1) // 2
                kept.every *= 2

    def _opened(self) -> Ledger:
        if self._ledger is not None and not self._ledger.is_in_place():
            # Set aside by another supervisor, or deleted: what is written there, nobody reads.
            self._let_go()
        if self._ledger is None:
            self._ledger = ledger_repair.open_ledger(self._path, self._say, self._wait_s)
            for kept in self._kept.values():
                kept.rows = 0
        elif self._ledger.wait_s != self._wait_s:
            self._ledger.wait(self._wait_s)
        return self._ledger

    def _let_go(self) -> None:
        if self._ledger is not None:
            self._ledger.close()
        self._ledger = None
        self._has_begun = False

    def _has_failed(self, error: Exception) -> None:
        if isinstance(error, LedgerBusy):
            now = time.monotonic()
            self._busy_since = now if self._busy_since is None else self._busy_since
            if now - self._busy_since < BUSY_FOR_LONG_S:
                return
        text = error.strerror if isinstance(error, OSError) else str(error)
        what = "the rest of the run" if self._has_begun else "the run"
        self.trouble = f"{what} is not in the ledger: {text}"
        self._say_once(f"{self.trouble}; this is tried again until the end of the run")

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._say(text)
