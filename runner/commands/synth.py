"""``synth``: simulated data under supervision."""

from __future__ import annotations

from dataclasses import dataclass, field

from fwi import config
from runner.commands import supervised
from runner.options import Supervision


@dataclass(frozen=True)
class SynthCommand:
    """Make velocity maps and simulate their seismic gathers, under supervision."""

    job: config.Synth = field(default_factory=config.Synth)
    supervision: Supervision = field(default_factory=Supervision)

    def __call__(self) -> int:
        return supervised.job(self.job, self.supervision)
