"""``pack``: a smaller copy of the data under supervision, or the check of one."""

from __future__ import annotations

from dataclasses import dataclass, field

from fwi import config
from runner.commands import supervised
from runner.options import Supervision


@dataclass(frozen=True)
class PackCommand:
    """Pack records into a smaller copy of the folder under supervision; or verify such a pack."""

    job: config.Pack
    supervision: Supervision = field(default_factory=Supervision)

    def __call__(self) -> int:
        return supervised.job(self.job, self.supervision)
