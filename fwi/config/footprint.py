"""The options of the footprint job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fwi.config.checks import Require
from fwi.config.choices import RECOMPUTABLE, Mode, Model, Precision


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """Predict what the steps of a network would allocate, without running them; one line of JSON a
    configuration."""

    models: tuple[Model, ...] = ("specproj",)
    """Networks."""
    dtypes: tuple[Precision, ...] = ("fp16", "fp32")
    """Precisions; those of half precision with CUDA's casts."""
    modes: tuple[Mode, ...] = ("train",)
    """What is done with the network."""
    batch_sizes: tuple[int, ...] = (1, 2)
    """Samples a step."""
    activation_checkpointing: bool = False
    """As of the train job."""
    ema: bool = True
    """Whether an average of the weights is kept."""
    casts: Literal["cuda", "cpu"] = "cuda"
    """Whose autocast half precision follows."""
    ask: bool = False
    """Take configurations from standard input instead, a JSON object a line."""

    def problems(self) -> list[str]:
        """What is wrong, each line naming the option, its value and what fits."""
        require = Require(self)
        for name in ("models", "dtypes", "modes", "batch_sizes"):
            require(name, bool(getattr(self, name)), "at least one")
        require("batch_sizes", all(size >= 1 for size in self.batch_sizes), "whole numbers from 1")
        found = require.found
        unable = [model for model in self.models if model not in RECOMPUTABLE]
        if self.activation_checkpointing and unable:
            found.append(
                f"--activation-checkpointing: expected models of {', '.join(RECOMPUTABLE)}, not "
                f"{', '.join(unable)}"
            )
        return found
