"""``train``: a training run under supervision."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

from fwi import config
from runner.commands import checkpoints, supervised
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
        resume, weights = job.resume, job.weights
        if resume is not None:
            resume = checkpoints.resolve("--resume", resume, runs)
        if weights is not None and not weights.exists():
            weights = Path(checkpoints.resolve("--init-from", str(weights), runs))
        asked = dataclasses.replace(job, resume=resume, weights=weights)
        return supervised.job(asked, self.supervision, label=asked.model, processes=self.processes)
