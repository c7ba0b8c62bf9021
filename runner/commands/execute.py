"""``exec``: any command under supervision."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import tyro

from runner.commands import supervised
from runner.options import Supervision


@dataclass(frozen=True)
class ExecCommand:
    """Supervise any command: python -m runner exec [options] -- command …"""

    supervision: Supervision = field(default_factory=Supervision)
    command: Annotated[tuple[str, ...], tyro.conf.Suppress] = ()

    def __call__(self) -> int:
        return supervised.execute(self.command, self.supervision)
