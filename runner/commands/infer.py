"""``infer``: predictions for test records, under supervision."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from fwi import config
from runner.commands import checkpoints, supervised
from runner.options import Supervision


@dataclass(frozen=True)
class InferCommand:
    """Predict test records with trained networks under supervision, and write the submission."""

    job: config.Infer
    supervision: Supervision = field(default_factory=Supervision)

    def __call__(self) -> int:
        runs = self.supervision.runs()
        found = [checkpoints.resolve("--checkpoint", one, runs) for one in self.job.checkpoint]
        asked = dataclasses.replace(self.job, checkpoint=tuple(found))
        return supervised.job(asked, self.supervision, label=asked.model or "")
