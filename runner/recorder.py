"""Keeps the ledger and the run's files while a run goes on; a failure of either is said once and
never stops the run."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from probes import files
from runner.ledger import Ledger, LedgerError
from runner.paths import RunPaths, ledger_path
from runner.result import Result
from runner.sampling import Sample

_BATCH = 60


class Recorder:
    def __init__(self, runs: Path, paths: RunPaths, say: Callable[[str], None]) -> None:
        self.troubles: list[str] = []
        self.attempt = 1
        """The one that samples are of."""
        self._paths = paths
        self._run = paths.folder.name
        self._say = say
        self._samples: list[Sample] = []
        self._began: float | None = None
        self._ledger: Ledger | None = None
        try:
            self._ledger = Ledger(ledger_path(runs))
        except LedgerError as error:
            self._trouble(f"the run is not in the ledger: {error}")

    def begin(
        self, job: str, label: str, command: Sequence[str], started: str, facts: Mapping[str, Any]
    ) -> None:
        description = {
            "schema": 1,
            "run": self._run,
            "job": job,
            "started": started,
            "command": list(command),
            **facts,
        }
        self._write(self._paths.description, json.dumps(description, indent=2) + "\n")
        self._record(lambda ledger: ledger.begin(self._run, job, label, command, started))

    def sample(self, sample: Sample) -> None:
        if self._began is None:
            self._began = sample.at_s
        self._samples.append(sample)
        if len(self._samples) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        attempt = self.attempt
        taken, self._samples = self._samples, []
        began = self._began or 0.0
        if taken:
            self._record(lambda ledger: ledger.samples(self._run, attempt, began, taken))

    def attempt_ended(self, result: Result) -> None:
        """Record an attempt that another will follow; ``result`` is that of the run so far."""
        self._flush()
        self._write_result(result)
        self._record(lambda ledger: ledger.attempt(result))

    def finish(self, result: Result, report: str) -> None:
        self._flush()
        self._write_result(result)
        self._write(self._paths.report, report)
        self._record(lambda ledger: ledger.finish(result))

    def _write_result(self, result: Result) -> None:
        text = json.dumps(result.as_dict(), indent=2) + "\n"
        self._write(self._paths.attempt(len(result.attempts)).result, text)

    def close(self) -> None:
        if self._ledger is not None:
            self._ledger.close()

    def _write(self, path: Path, text: str) -> None:
        try:
            files.write_text(path, text)
        except OSError as error:
            self._trouble(f"{path} was not written: {error.strerror}")

    def _record(self, change: Callable[[Ledger], None]) -> None:
        if self._ledger is None:
            return
        try:
            change(self._ledger)
        except (LedgerError, sqlite3.Error) as error:
            self._trouble(f"not recorded in the ledger: {error}")

    def _trouble(self, text: str) -> None:
        if text not in self.troubles:
            self.troubles.append(text)
            self._say(text)
