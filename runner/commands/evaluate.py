"""``evaluate``: trained networks judged under supervision."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from fwi import config
from runner.commands import checkpoints, supervised
from runner.options import Supervision


@dataclass(frozen=True)
class EvaluateCommand:
    """Judge trained networks under supervision: errors by family, figures, the seismic misfit."""

    job: config.Evaluate = field(default_factory=config.Evaluate)
    supervision: Supervision = field(default_factory=Supervision)

    def __call__(self) -> int:
        runs = self.supervision.runs()
        found = [checkpoints.resolve("--checkpoint", one, runs) for one in self.job.checkpoint]
        asked = dataclasses.replace(self.job, checkpoint=tuple(found))
        return supervised.job(asked, self.supervision, label=asked.part)
