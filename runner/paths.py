"""Where everything of a run stands, and what a run is called."""

from __future__ import annotations

import datetime
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

RESERVE = ".reserve"
"""In a run's folder while it goes on: space for the record of its end."""
_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[A-Za-z0-9._-]{1,80}")


@dataclass(frozen=True)
class AttemptPaths:
    folder: Path

    @property
    def pulse(self) -> Path:
        return self.folder / "pulse"

    @property
    def output(self) -> Path:
        return self.folder / "output.log"

    @property
    def stacks(self) -> Path:
        return self.folder / "stacks.txt"

    @property
    def supervisor_error(self) -> Path:
        """The traceback of a supervisor that failed."""
        return self.folder / "supervisor-error.txt"

    @property
    def own_stacks(self) -> Path:
        """What our own jobs say of their threads when they are asked to."""
        return self.folder / "own-stacks.txt"

    @property
    def curves(self) -> Path:
        """The numbers that the job leaves, over time."""
        return self.folder / "curves.jsonl"

    @property
    def phases(self) -> Path:
        """Seconds in each phase, over time."""
        return self.folder / "phases.jsonl"

    @property
    def memory(self) -> Path:
        """What held the peaks of the job's tensors, where the job says so."""
        return self.folder / "memory.json"

    @property
    def at_oom(self) -> Path:
        """The largest live allocations of the device, where torch could make no more."""
        return self.folder / "oom.json"

    @property
    def result(self) -> Path:
        return self.folder / "result.json"


@dataclass(frozen=True)
class RunPaths:
    """The run directory of the design's contract."""

    folder: Path

    @property
    def description(self) -> Path:
        return self.folder / "run.json"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def evaluation(self) -> Path:
        return self.folder / "evaluation"

    @property
    def report(self) -> Path:
        return self.folder / "report.md"

    @property
    def page(self) -> Path:
        return self.folder / "report.html"

    @property
    def trace(self) -> Path:
        return self.folder / "trace.json"

    def attempt(self, n: int) -> AttemptPaths:
        return AttemptPaths(self.folder / f"attempt-{n}")


def run_paths(runs: Path, run: str) -> RunPaths:
    """Raises ValueError for what is not a run's id: it must not lead out of the folder."""
    if not is_run_id(run):
        raise ValueError(f"{run!r} is not a run's id; `python -m runner runs` lists them")
    return RunPaths(runs / run)


def is_run_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None and ".." not in text


def new_run_id(job: str, label: str, now: datetime.datetime | None = None) -> str:
    """``20260314-091500-train-specproj-7f3a``: UTC time, job, label, four hex digits."""
    moment = now or datetime.datetime.now(datetime.UTC)
    words = re.sub(r"[^A-Za-z0-9]+", "-", f"{job}-{label}").strip("-")[:60].strip("-")
    return f"{moment:%Y%m%d-%H%M%S}-{words or 'run'}-{secrets.token_hex(2)}"


def ledger_path(runs: Path) -> Path:
    return runs / "ledger.db"
