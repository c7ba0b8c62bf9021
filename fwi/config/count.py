"""The options of the count job."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fwi.config.checks import Require
from fwi.config.choices import Model, Split
from fwi.layout import Family


@dataclass(frozen=True, kw_only=True)
class Count:
    """Count the samples that a train job with these options learns from; one line of JSON."""

    data: Path | None = None
    """As of the train job."""
    families: tuple[Family, ...] = ()
    """As of the train job."""
    split: Split = "auto"
    """As of the train job."""
    validation_fraction: float = 0.1
    """As of the train job."""
    model: Model = "specproj"
    """As of the train job."""
    seed: int = 0
    """As of the train job."""

    def problems(self) -> list[str]:
        """What is wrong, each line naming the option, its value and what fits."""
        require = Require(self)
        require("seed", 0 <= self.seed < 2**63, "a whole number from 0")
        require("validation_fraction", 0 < self.validation_fraction < 1, "a number between 0 and 1")
        return require.found
