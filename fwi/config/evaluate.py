"""The options of the evaluate job."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fwi.config.checks import Require, is_device
from fwi.config.choices import ENCODERS, Dtype, Model, Sharing, Split
from fwi.layout import Family

Part = Literal["validation", "train", "all", "test"]
Combine = Literal["median", "mean"]


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Judge trained networks: errors by family, a page of figures, and the seismic misfit."""

    checkpoint: tuple[str, ...] = ()
    """Checkpoint files or folders, or published weights; several are an ensemble. Under the runner
    also a run's id, or last."""
    model: Model | None = None
    """Network that the weights are of. Default: what the checkpoint says."""
    encoder: str | None = None
    """timm's name of the encoder, as of the train job. Default: what the checkpoint says, else the
    network's usual one."""
    combine: Combine = "median"
    """What is made of the predictions of several networks, cell by cell."""
    tta: bool = False
    """Average with the prediction for the mirrored record, as infer does unless told otherwise. The
    public baselines average with their own flip in any case, as published."""
    clip: bool = True
    """Cut predictions to 1500-4500 m/s, the range of all families."""
    data: Path | None = None
    """Folder with OpenFWI, Kaggle or re-packed files, or the competition's test records. Default:
    what the checkpoint was trained on."""
    families: tuple[Family, ...] = ()
    """Families to judge. Default: all that the folder holds."""
    part: Part = "validation"
    """Which samples of the folder: those that the split holds out, those that it trains on, all, or
    test records without maps, for --misfit."""
    split: Split = "auto"
    """How files are split, as of the train job. auto: as the checkpoint was trained, where it says
    so."""
    validation_fraction: float | None = None
    """Fraction of each family's files held out by the random split (0 to 1). Default: the
    checkpoint's, else 0.1."""
    seed: int | None = None
    """Seed of the random split. Default: the checkpoint's, else 0."""
    samples: int = 0
    """Samples to judge at most, spread evenly over the files; 0: all."""
    misfit: bool = False
    """Simulate the predicted maps again and compare with the record: needs no true maps."""
    out: Path = Path("evaluation")
    """Folder for evaluation.json, .md and .html and the figures; under the runner, in the run's
    own."""
    dtype: Dtype = "auto"
    """Precision of the forward pass, as of the train job."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    batch_size: int = 32
    """Samples a step."""
    workers: int = 2
    """Loader processes; 0 loads in the main process."""
    prefetch: int = 2
    """Batches that each loader process prepares ahead."""
    pin_memory: bool = True
    """Page-lock batches on their way to a GPU; without effect on the CPU."""
    sharing: Sharing = "auto"
    """Where loader processes put their batches, as of the train job."""

    def problems(self) -> list[str]:
        """What is wrong, each line naming the option, its value and what fits."""
        require = Require(self)
        require("device", is_device(self.device), "auto, cpu, cuda or cuda:N")
        for name in ("batch_size", "prefetch"):
            require(name, getattr(self, name) >= 1, "a whole number from 1")
        for name in ("workers", "samples"):
            require(name, getattr(self, name) >= 0, "a whole number from 0")
        require("seed", self.seed is None or 0 <= self.seed < 2**63, "a whole number from 0")
        fraction = self.validation_fraction
        require(
            "validation_fraction", fraction is None or 0 < fraction < 1, "a number between 0 and 1"
        )
        found = require.found
        if not self.checkpoint:
            found.append("--checkpoint: expected at least one file, folder or run to judge")
        if self.part == "test" and not self.misfit:
            found.append("--part test: these have no maps to compare with; add --misfit")
        if self.part == "test" and self.families:
            found.append("--families: test records are of unknown families; leave it out")
        if self.encoder is not None and self.model is not None and self.model not in ENCODERS:
            found.append(f"--encoder: --model {self.model} has no encoder")
        if self.data is not None and not self.data.is_dir():
            found.append(f"--data {self.data}: no such folder")
        return found
