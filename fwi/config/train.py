"""The options of the train job."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from fwi.config.batch import AUTO, BatchSize
from fwi.config.checks import Require, flag, is_device
from fwi.config.choices import ENCODERS, RECOMPUTABLE, Dtype, Model, Sharing, Split
from fwi.layout import Family


@dataclass(frozen=True, kw_only=True)
class Train:
    """Train a waveform-inversion network; without --data, on a small set simulated on the spot."""

    data: Path | None = None
    """Folder with OpenFWI, Kaggle or re-packed files. Default: simulate a small set, cached."""
    families: tuple[Family, ...] = ()
    """Families to use. Default: all that the folder holds."""
    split: Split = "auto"
    """How files are split: OpenFWI's official one, the re-pack's folds.csv, or a seeded random
    fraction; auto takes folds.csv where there is one, then the official split where both sides have
    files, then random."""
    validation_fraction: float = 0.1
    """Fraction of each family's files held out by the random split (0 to 1)."""
    model: Model = "specproj"
    """Network."""
    encoder: str | None = None
    """timm's name of the encoder, with or without the tag of its weights: hgnetv2_b0 to b6 for
    hgnet, convnext… for convnext, caformer… for caformer. Default: hgnetv2_b2, convnext_small,
    caformer_b36."""
    pretrained: bool = False
    """Start the encoder from timm's weights for images, from its hub."""
    encoder_weights: Path | None = None
    """The same from a local copy of the hub's file (model.safetensors), without network."""
    weights: Annotated[Path | None, arg(aliases=["--init-from"])] = None
    """Start from these weights: a published file, a checkpoint of this project, or a folder of
    them, of which the best is taken; under the runner also a run's id, or last. Nothing but the
    weights is taken (--resume goes on with a run)."""
    dtype: Annotated[Dtype, arg(aliases=["--precision"])] = "auto"
    """Precision of the forward and backward pass. auto: bf16 or fp16 on a GPU (fp32 instead of fp16
    for convnext, which overflows in it), fp32 on a CPU."""
    fp16: Literal[0, 1] | None = None
    """Short form of --dtype: 1 is fp16, 0 is fp32."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    epochs: int = 20
    """Passes over the training samples."""
    patience: int = 0
    """Epochs in a row without a better validation error after which training ends; 0: never."""
    batch_size: BatchSize = 16
    """Samples a step and process; of several processes a step takes as many from each. auto: the
    runner predicts the largest that fits and confirms it in a run of its own."""
    accumulate: int = 1
    """Steps whose gradients are added before the optimizer moves."""
    lr: float = 1e-3
    """Highest learning rate of the schedule (AdamW)."""
    weight_decay: float = 1e-2
    """AdamW's decoupled weight decay."""
    warmup: float = 0.05
    """Part of all optimizer steps in which the learning rate rises to its highest (0 to 1)."""
    clip: float = 3.0
    """Largest norm of all gradients together, of the loss in units of 1500 m/s; 0: no clipping."""
    ema: float = 0.99
    """Decay of the exponential moving average of the weights that is validated; 0 for none."""
    flip: float = 0.5
    """Probability that a sample's sources, receivers and map are mirrored together."""
    seed: int = 0
    """Seed of the weights, the order of samples, the flips and the random split."""
    workers: int = 2
    """Loader processes, of each process that trains; 0 loads in the main process."""
    prefetch: int = 2
    """Batches that each loader process prepares ahead."""
    pin_memory: bool = True
    """Page-lock batches on their way to a GPU; without effect on the CPU."""
    sharing: Sharing = "auto"
    """Where loader processes put their batches. file_descriptor: shared memory, bounded by the size
    of /dev/shm. file_system: unnamed files in the folder for temporary files ($TMPDIR). auto:
    file_descriptor."""
    activation_checkpointing: bool = False
    """Keep only each block's input for the backward pass and compute the rest again: less memory,
    more time, the same numbers."""
    channels_last: bool = False
    """Keep images with their channels last in memory, which some devices compute faster with."""
    compile: bool = False
    """torch.compile the network."""
    empty_cache: bool = False
    """Give cached device memory back to the driver after each epoch's phases."""
    dryrun: bool = False
    """One batch through every phase, then stop."""
    dryrun_moves: int = 1
    """Moves of the optimizer in a dry run."""
    tensorboard: bool = False
    """Write loss, errors, rate and memory for TensorBoard, to a folder tensorboard beside
    --checkpoints."""
    checkpoints: Path = Path("checkpoints")
    """Folder of the last and the best checkpoint; under the runner, the run's own."""
    checkpoint_every: int = 0
    """Optimizer steps between checkpoints; 0: once an epoch."""
    resume: str | None = None
    """Checkpoint file or folder to continue from; under the runner also a run's id, or last."""
    restart: bool = False
    """Go on from the newest sound checkpoint in --checkpoints where there is one, else as --resume
    says. The runner adds it to the further attempts of a run."""

    def problems(self) -> list[str]:
        """What is wrong, each line naming the option, its value and what fits."""
        require = Require(self)
        require("device", is_device(self.device), "auto, cpu, cuda or cuda:N")
        require("seed", 0 <= self.seed < 2**63, "a whole number from 0")
        for name in ("epochs", "batch_size", "accumulate", "prefetch", "dryrun_moves"):
            if name != "batch_size" or self.batch_size != AUTO:
                require(name, getattr(self, name) >= 1, "a whole number from 1")
        for name in ("workers", "checkpoint_every", "patience"):
            require(name, getattr(self, name) >= 0, "a whole number from 0")
        for name in ("warmup", "flip"):
            require(name, 0 <= getattr(self, name) <= 1, "a number from 0 to 1")
        require("validation_fraction", 0 < self.validation_fraction < 1, "a number between 0 and 1")
        require("ema", 0 <= self.ema < 1, "a number from 0, below 1")
        require("lr", 0 < self.lr < math.inf, "a number above 0")
        for name in ("weight_decay", "clip"):
            require(name, 0 <= getattr(self, name) < math.inf, "a number from 0")
        found = require.found
        if self.batch_size == AUTO:
            found.append(
                "--batch-size auto: the bare job needs a number; `python -m runner train` finds one"
            )
        if self.activation_checkpointing and self.model not in RECOMPUTABLE:
            found.append(
                f"--activation-checkpointing: expected a model of {', '.join(RECOMPUTABLE)}, not "
                f"{self.model}, whose batch statistics would be counted twice"
            )
        found += self._encoder_problems()
        if self.fp16 is not None and self.dtype not in ("auto", "fp16" if self.fp16 else "fp32"):
            found.append(
                f"--fp16 {self.fp16} and --dtype {self.dtype} contradict each other: give one"
            )
        if self.data is not None and not self.data.is_dir():
            found.append(
                f"--data {self.data}: no such folder; leave it out to simulate a small set"
            )
        return found

    def _encoder_problems(self) -> list[str]:
        found = []
        family = ENCODERS.get(self.model, "").partition("_")[0]
        for name in ("encoder", "pretrained", "encoder_weights"):
            value = getattr(self, name)
            if value and not family:
                with_one = " and ".join(ENCODERS)
                found.append(f"{flag(name)}: --model {self.model} has no encoder; {with_one} do")
            elif name == "encoder" and value is not None and not value.startswith(family):
                found.append(f"--encoder {value}: expected a timm name that begins with {family}")
        if self.pretrained and self.encoder_weights:
            found.append("--pretrained and --encoder-weights: the hub or a file, give one")
        if self.encoder_weights is not None and not self.encoder_weights.is_file():
            found.append(f"--encoder-weights {self.encoder_weights}: no such file")
        if self.weights is not None and not self.weights.exists():
            found.append(
                f"--weights {self.weights}: no such file or folder; a run's id, and last, are "
                "understood by `python -m runner train`"
            )
        return found
