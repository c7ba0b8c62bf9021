"""``train``: a training run under supervision."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from fwi import config
from runner.commands import checkpoints, supervised
from runner.options import Supervision


@dataclass(frozen=True)
class TrainCommand:
    """Train a network under supervision; without --data, on a small set simulated on the spot."""

    job: config.Train = field(default_factory=config.Train)
    supervision: Supervision = field(default_factory=Supervision)

    def __call__(self) -> int:
        asked, runs = self.job, self.supervision.runs()
        if asked.resume is not None:
            found = checkpoints.resolve("--resume", asked.resume, runs)
            asked = dataclasses.replace(asked, resume=found)
        return supervised.job(asked, self.supervision, label=asked.model)
