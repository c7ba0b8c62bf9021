"""The options of the measure job."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fwi.config.checks import Require, is_device
from fwi.config.choices import RECOMPUTABLE, Mode, Model, Precision


@dataclass(frozen=True, kw_only=True)
class Measure:
    """Measure the memory and the speed of one configuration: real steps on random records of real
    size."""

    model: Model = "specproj"
    """Network."""
    dtype: Precision = "fp32"
    """Precision of the forward and backward pass."""
    mode: Mode = "train"
    """What is done with the network."""
    batch_size: int = 1
    """Samples a step."""
    workers: int = 0
    """Loader processes; 0 loads in the main process."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    activation_checkpointing: bool = False
    """As of the train job."""
    ema: bool = True
    """Whether an average of the weights is kept."""
    warmup: int = 1
    """Steps before the timed ones, beside the two whose tensors are followed."""
    steps: int = 3
    """Timed steps; nothing is followed in them."""
    out: Path | None = None
    """File for the result (JSON). Default: standard output."""

    def problems(self) -> list[str]:
        """What is wrong, each line naming the option, its value and what fits."""
        require = Require(self)
        require("device", is_device(self.device), "auto, cpu, cuda or cuda:N")
        for name in ("batch_size", "steps"):
            require(name, getattr(self, name) >= 1, "a whole number from 1")
        for name in ("workers", "warmup"):
            require(name, getattr(self, name) >= 0, "a whole number from 0")
        found = require.found
        if self.activation_checkpointing and self.model not in RECOMPUTABLE:
            found.append(
                f"--activation-checkpointing: expected a model of "
                f"{', '.join(RECOMPUTABLE)}, not {self.model}"
            )
        return found
