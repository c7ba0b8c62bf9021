"""The options of the notebook job."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from fwi.config.checks import Require

AUTOUPDATE = "AUTOUPDATE"
"""The environment variable without which nothing is ever watched."""

_ENDINGS = (".ipynb", ".py")


@dataclass(frozen=True, kw_only=True)
class Notebook:
    """Export one self-contained notebook: the packages, and cells that train, infer and submit."""

    out: Path = Path("kaggle_notebook.ipynb")
    """File to write: .ipynb, or .py with cells that begin with # %%."""
    watch: bool = False
    """Write it again whenever a source changes, until this is stopped; only with AUTOUPDATE=1 in
    the environment."""

    def problems(self) -> list[str]:
        """What is wrong, each line naming the option, its value and what fits."""
        require = Require(self)
        require("out", self.out.suffix in _ENDINGS, f"a name that ends in {' or '.join(_ENDINGS)}")
        require("out", self.out.parent.is_dir(), "a name in a folder that exists")
        require("out", not self.out.is_dir(), "the name of a file")
        found = require.found
        if self.watch and os.environ.get(AUTOUPDATE) != "1":
            found.append(
                f"--watch: expected {AUTOUPDATE}=1 in the environment; else nothing is ever watched"
            )
        return found
