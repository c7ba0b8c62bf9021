"""``train``: a training run under supervision."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

from fwi import config
from runner import paths as run_places
from runner.commands import supervised
from runner.commands.usage import UsageError
from runner.options import Supervision
from runner.processes import Processes


@dataclass(frozen=True)
class TrainCommand:
    """Train a network under supervision; without --data, on a small set simulated on the spot."""

    job: config.Train = field(default_factory=config.Train)
    supervision: Supervision = field(default_factory=Supervision)
    processes: Processes = field(default_factory=Processes)

    def __call__(self) -> int:
        runs, job = self.supervision.runs(), self.job
        resume = _folder_of("--resume", job.resume, runs) if job.resume is not None else None
        weights = _weights(job.weights, runs) if job.weights is not None else None
        asked = dataclasses.replace(job, resume=resume, weights=weights)
        return supervised.job(asked, self.supervision, label=asked.model, processes=self.processes)


def _weights(asked: Path, runs: Path) -> Path:
    """A file or folder as it is; else what ``last``, or a run's id, means."""
    return asked if asked.exists() else Path(_folder_of("--init-from", str(asked), runs))


def _folder_of(option: str, asked: str, runs: Path) -> str:
    """``last`` and ids of runs become the folder of their checkpoints; paths stay."""
    if asked == "last":
        found = [
            folder
            for folder in runs.glob("*/checkpoints")
            if run_places.is_run_id(folder.parent.name) and any(folder.glob("*.pt"))
        ]
        if not found:
            raise UsageError(f"{option} last: no run in {runs} has a checkpoint")
        return str(max(found, key=lambda folder: folder.parent.name))
    if run_places.is_run_id(asked) and (runs / asked).is_dir():
        return str(run_places.run_paths(runs, asked).checkpoints)
    if not Path(asked).exists():
        raise UsageError(
            f"{option} {asked}: neither a run in {runs} nor a checkpoint file or folder; "
            f"`python -m runner runs` lists the runs"
        )
    return asked
