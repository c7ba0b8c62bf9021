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


@dataclass(frozen=True)
class TrainCommand:
    """Train a network under supervision; without --data, on a small set simulated on the spot."""

    job: config.Train = field(default_factory=config.Train)
    supervision: Supervision = field(default_factory=Supervision)

    def __call__(self) -> int:
        resume = _resolve_resume(self.job.resume, self.supervision.runs())
        asked = dataclasses.replace(self.job, resume=resume)
        return supervised.job(asked, self.supervision, label=asked.model)


def _resolve_resume(asked: str | None, runs: Path) -> str | None:
    """``last`` and ids of runs become the folder of their checkpoints; paths stay."""
    if asked is None:
        return None
    if asked == "last":
        found = [
            folder
            for folder in runs.glob("*/checkpoints")
            if run_places.is_run_id(folder.parent.name) and any(folder.glob("*.pt"))
        ]
        if not found:
            raise UsageError(f"--resume last: no run in {runs} has a checkpoint")
        return str(max(found, key=lambda folder: folder.parent.name))
    if run_places.is_run_id(asked) and (runs / asked).is_dir():
        return str(run_places.run_paths(runs, asked).checkpoints)
    if not Path(asked).exists():
        raise UsageError(
            f"--resume {asked}: neither a run in {runs} nor a checkpoint file or folder; "
            f"`python -m runner runs` lists the runs"
        )
    return asked
