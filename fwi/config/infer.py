"""The options of the infer job."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fwi.config.checks import Require, is_device
from fwi.config.choices import ENCODERS, Dtype, Model, Sharing

_NAMES = {"csv": "submission.csv", "npy": "predictions.npy"}


@dataclass(frozen=True, kw_only=True)
class Infer:
    """Predict the maps of test records with one network or several; write them as a submission."""

    checkpoint: tuple[str, ...]
    """Checkpoints of this project (a file, or a folder: its best.pt, else last.pt) or published
    weights; several are combined. Under the runner also a run's id, or last."""
    data: Path
    """Folder with <oid>.npy, one record a file, or with a test/ that holds them."""
    out: Path | None = None
    """File to write. Default: submission.csv, predictions.npy with --format npy."""
    format: Literal["csv", "npy"] = "csv"
    """csv: the competition's submission, 35 columns. npy: all cells, (N, 1, 70, 70) float32, beside
    a list of their oids."""
    sample_submission: Path | None = None
    """The competition's sample_submission.csv: its oids must be those of the records, and its order
    becomes the file's. Default: sorted by oid."""
    model: Model | None = None
    """Network of published weights; a checkpoint of this project says it itself."""
    encoder: str | None = None
    """timm's name of the encoder of published weights. Default: as of the train job."""
    tta: bool = True
    """Average with the prediction for the mirrored record."""
    combine: Literal["median", "mean"] = "median"
    """How several networks become one map, cell by cell."""
    clip: bool = True
    """Bring what is written into 1500 to 4500 m/s."""
    round: bool = False
    """Write whole m/s, as the maps of the Vel and Fault families have; else one decimal."""
    dtype: Dtype = "auto"
    """Precision of the networks, except their heads. auto: bf16 or fp16 on a GPU (fp32 instead of
    fp16 for convnext, which overflows in it), fp32 on a CPU."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    batch_size: int = 64
    """Records that go through the networks at a time."""
    workers: int = 2
    """Loader processes; 0 loads in the main process."""
    prefetch: int = 2
    """Batches that each loader process prepares ahead."""
    pin_memory: bool = True
    """Page-lock batches on their way to a GPU; without effect on the CPU."""
    sharing: Sharing = "auto"
    """Where loader processes put their batches, as of the train job."""
    keep_predictions: bool = False
    """Keep the predictions in <out>.work when the file is written: the same question with another
    --format, --clip or --round is then answered from them."""

    @property
    def target(self) -> Path:
        """The file to write."""
        return self.out if self.out is not None else Path(_NAMES[self.format])

    def problems(self) -> list[str]:
        """What is wrong, each line naming the option, its value and what fits."""
        require = Require(self)
        require("device", is_device(self.device), "auto, cpu, cuda or cuda:N")
        for name in ("batch_size", "prefetch"):
            require(name, getattr(self, name) >= 1, "a whole number from 1")
        require("workers", self.workers >= 0, "a whole number from 0")
        found = require.found
        if not self.checkpoint:
            found.append("--checkpoint: expected at least one")
        if not self.data.is_dir():
            found.append(f"--data {self.data}: no such folder")
        sample = self.sample_submission
        if sample is not None and not sample.is_file():
            found.append(f"--sample-submission {sample}: no such file")
        elif sample is not None and self.target.exists() and sample.samefile(self.target):
            found.append(f"--out {self.target}: this is the sample submission; name another file")
        if self.target.is_dir():
            found.append(f"--out {self.target}: a folder; name the file to write")
        elif self.target.exists() and not self.target.is_file():
            found.append(f"--out {self.target}: a pipe or a device; name the file to write")
        elif (self.target.suffix == ".npy") != (self.format == "npy"):
            found.append(
                f"--out {self.target}: --format {self.format} does not go with that ending; "
                "name a file that ends in .csv, or in .npy with --format npy"
            )
        if self.encoder is not None and self.model is not None and self.model not in ENCODERS:
            with_one = " and ".join(ENCODERS)
            found.append(f"--encoder: --model {self.model} has no encoder; {with_one} do")
        return found
