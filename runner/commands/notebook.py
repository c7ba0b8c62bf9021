"""``notebook``: the export of one self-contained notebook."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field

from fwi import config
from runner.commands.usage import refuse


@dataclass(frozen=True)
class NotebookCommand:
    """Export one self-contained notebook: the packages, and cells that train, infer and submit."""

    job: config.Notebook = field(default_factory=config.Notebook)

    def __call__(self) -> int:
        """Does not return: the bare job takes this process's place, so that what watches has the
        parent that asked for it, and ends with that."""
        refuse(config.problems(self.job))
        sys.stdout.flush()
        sys.stderr.flush()
        command = [sys.executable, "-m", "fwi", "notebook", *config.to_argv(self.job)]
        os.execv(sys.executable, command)
