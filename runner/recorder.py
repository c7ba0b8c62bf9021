"""Keeps the ledger and the run's files while a run goes on. A failure of either is said, is among
the run's troubles until it is made good, and never stops the run."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from probes import files
from probes.pulse import Reader
from runner import encodable, machine_json
from runner.curves import OverTime
from runner.journal import Beginning, Journal
from runner.paths import RESERVE, RunPaths, ledger_path
from runner.result import Result
from runner.sampling import Sample
from runner.supervisors import here

_RESERVED = 1 << 19
"""Bytes that are set aside while the job runs, so that its end can be recorded although it has
filled the disk."""
_LOOK_S = 1.0
"""Between two looks at the flight recorder. One takes some thirty microseconds."""


class Recorder:
    def __init__(self, runs: Path, paths: RunPaths, say: Callable[[str], None]) -> None:
        self.attempt = 1
        """The one that samples and events are of."""
        self._paths = paths
        self._run = paths.folder.name
        self._say = say
        self._began = time.monotonic()
        self._look_again = 0.0
        self._over_time: OverTime | None = None
        self._over_time_of = 0
        """The attempt that they are of."""
        self._journal = Journal(ledger_path(runs), self._run, say)
        self._reserve = paths.folder / RESERVE
        self._unwritten: dict[Path, tuple[str, str]] = {}
        """Files that could not be written: what they were to hold, and why not."""

    @property
    def troubles(self) -> tuple[str, ...]:
        """What is not recorded, as far as is known."""
        ledger = self._journal.trouble
        return self._files_missing() + ((ledger,) if ledger is not None else ())

    def _files_missing(self) -> tuple[str, ...]:
        return tuple(f"{path} was not written: {why}" for path, (_, why) in self._unwritten.items())

    def begin(
        self, job: str, label: str, command: Sequence[str], started: str, facts: Mapping[str, Any]
    ) -> None:
        description = {
            "schema": 1,
            "run": self._run,
            "job": job,
            "started": started,
            "command": list(command),
            "supervisor": dataclasses.asdict(here()),
            **facts,
        }
        with suppress(OSError):
            files.reserve(self._reserve, _RESERVED)
        text = machine_json.dumps(encodable.data(description), indent=2) + "\n"
        self._write(self._paths.description, text)
        self._journal.begin(Beginning(job, label, command, started))

    def sample(self, sample: Sample) -> None:
        self._journal.sample(self.attempt, sample)

    def look(self, now: float, recorder: Reader) -> None:
        """Keep what the flight recorder tells, once a second: a sample may come much later."""
        if now < self._look_again:
            return
        self._look_again = now + _LOOK_S
        if self._over_time is None or self._over_time_of != self.attempt:
            self._over_time = OverTime(self._paths.attempt(self.attempt), self._began, self._say)
            self._over_time_of = self.attempt
        self._over_time.add(now, recorder.record())

    def event(self, kind: str, text: str) -> None:
        """Keep a line of importance: a stall, a signal sent, a warning, a recovery."""
        self._journal.event(self.attempt, kind, text)

    def attempt_ended(self, result: Result) -> None:
        """Record an attempt that another will follow; ``result`` is that of the run so far."""
        self._end_over_time(result)
        self._write_result(result)
        self._journal.attempt_ended(result)

    def finish(self, result: Result, report: Callable[[Result], str]) -> Result:
        """Record the end of the run; the result with what could not be recorded."""
        self._free_reserve()
        self._end_over_time(result)
        for path, (text, _) in list(self._unwritten.items()):
            self._write(path, text)
        # The ledger first: a run that has its end there is never taken for lost. Where it cannot
        # be written, the next start finds the end in result.json.
        self._journal.finish(dataclasses.replace(result, troubles=self._files_missing()))
        result = dataclasses.replace(result, troubles=self.troubles)
        self._write_result(result)
        self._write(self._paths.report, report(result))
        return dataclasses.replace(result, troubles=self.troubles)

    def _end_over_time(self, result: Result) -> None:
        if self._over_time is not None and self._over_time_of == len(result.attempts):
            record = result.end.record
            if record is not None:
                self._over_time.add(self._began + result.timing.ended_s, record)
            self._over_time.flush()

    def close(self) -> None:
        self._free_reserve()
        self._journal.close()

    def _free_reserve(self) -> None:
        with suppress(OSError):
            self._reserve.unlink(missing_ok=True)

    def _write_result(self, result: Result) -> None:
        text = machine_json.dumps(result.as_dict(), indent=2) + "\n"
        self._write(self._paths.attempt(len(result.attempts)).result, text)

    def _write(self, path: Path, text: str) -> None:
        said = path in self._unwritten
        try:
            files.write_text(path, text)
        except OSError as error:
            why = error.strerror or str(error)
            self._unwritten[path] = (text, why)
            if not said:
                self._say(f"{path} was not written: {why}")
        else:
            self._unwritten.pop(path, None)
