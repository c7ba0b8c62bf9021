"""Every option of every job: its type, unit and default. No torch, no NumPy.

A job is a frozen dataclass; the command line is made from it by tyro, and :func:`to_argv` writes
one back as the arguments of ``python -m fwi JOB …``, which is how the supervisor starts it.
"""

from __future__ import annotations

import dataclasses
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fwi.layout import FAMILIES, SAMPLES_PER_FILE, Family

if TYPE_CHECKING:
    import torch

Model = Literal[
    "specproj",
    "specproj-original",
    "specproj-dirac",
    "hgnet",
    "convnext",
    "caformer",
    "inversionnet",
]
Dtype = Literal["auto", "fp16", "bf16", "fp32"]
Precision = Literal["fp16", "bf16", "fp32"]
Mode = Literal["train", "infer"]
Split = Literal["auto", "official", "folds", "random"]
Sharing = Literal["auto", "file_descriptor", "file_system"]

RECOMPUTABLE: tuple[Model, ...] = ("specproj", "hgnet", "convnext", "caformer", "inversionnet")
"""Networks whose activations can be computed again; those of the others would count their batch
statistics twice."""
REDUCED: tuple[Model, ...] = ("hgnet",)
"""Networks that take records reduced in time, as a re-pack holds them; full ones they reduce."""
OVERFLOWING: tuple[Model, ...] = ("convnext",)
"""Networks whose activations leave the range of fp16."""
ENCODERS: dict[Model, str] = {
    "hgnet": "hgnetv2_b2",
    "convnext": "convnext_small",
    "caformer": "caformer_b36",
}
"""Networks with an encoder of timm, and which it is by default."""

SMALL_SET_FAMILIES: tuple[Family, ...] = ("FlatVel_A", "CurveVel_A", "FlatFault_A", "Style_A")


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
    weights: Path | None = None
    """Start from these weights: a published file, or a checkpoint of this project."""
    dtype: Dtype = "auto"
    """Precision of the forward and backward pass. auto: bf16 or fp16 on a GPU (fp32 instead of fp16
    for convnext, which overflows in it), fp32 on a CPU."""
    fp16: Literal[0, 1] | None = None
    """Short form of --dtype: 1 is fp16, 0 is fp32."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    epochs: int = 20
    """Passes over the training samples."""
    batch_size: int = 16
    """Samples a step and process."""
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
    """Loader processes; 0 loads in the main process."""
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
    compile: bool = False
    """torch.compile the network."""
    empty_cache: bool = False
    """Give cached device memory back to the driver after each epoch's phases."""
    dryrun: bool = False
    """One batch through every phase, then stop."""
    checkpoints: Path = Path("checkpoints")
    """Folder of the last and the best checkpoint; under the runner, the run's own."""
    checkpoint_every: int = 0
    """Optimizer steps between checkpoints; 0: once an epoch."""
    resume: str | None = None
    """Checkpoint file or folder to continue from; under the runner also a run's id, or last."""
    restart: bool = False
    """Go on from the newest sound checkpoint in --checkpoints where there is one, else as --resume
    says. The runner adds it to the further attempts of a run."""


@dataclass(frozen=True, kw_only=True)
class Synth:
    """Make velocity maps and simulate their seismic gathers, in OpenFWI's layout."""

    families: tuple[Family, ...] = FAMILIES
    """Families to make."""
    samples: int = SAMPLES_PER_FILE
    """Samples a family."""
    out: Path = Path("data")
    """Folder to write to; what is there and complete is kept."""
    seed: int = 0
    """Seed of the maps; the same seed gives the same files."""
    samples_per_file: int = SAMPLES_PER_FILE
    """Samples a file."""
    dtype: Literal["float32", "float16"] = "float32"
    """Number type of the files; float16 is the re-pack's."""
    device: str = "cpu"
    """Where the wave equation is solved: cpu, cuda or cuda:N."""
    threads: int = 0
    """Threads of the CPU solver; 0: one for each processor this process may use."""


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
    ask: bool = False
    """Take configurations from standard input instead, a JSON object a line."""


Job = Train | Synth | Footprint
JOBS: dict[str, type[Train] | type[Synth] | type[Footprint]] = {
    "train": Train,
    "synth": Synth,
    "footprint": Footprint,
}


def job_name(job: Job) -> str:
    """The command of a job: ``Train()`` → ``"train"``."""
    return next(name for name, kind in JOBS.items() if type(job) is kind)


def torch_dtype(name: Precision) -> torch.dtype:
    """torch's own dtype of a precision's short name."""
    import torch

    return {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32}[name]


def cache_dir() -> Path:
    """Folder for what can be made again: $FWI_CACHE_DIR, else the user's cache folder."""
    if chosen := os.environ.get("FWI_CACHE_DIR"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "fwi-runner"


def small_set(seed: int = 0, families: tuple[Family, ...] = ()) -> Synth:
    """The set that ``train`` simulates when it is given no data: tens of maps, small files.

    Its folder is named after what is in it, so that other seeds and families stand beside it.
    """
    families = families or SMALL_SET_FAMILIES
    name = f"small-seed{seed}-" + "-".join(f.replace("_", "") for f in families)
    return Synth(
        families=families,
        samples=32,
        samples_per_file=8,
        out=cache_dir() / name,
        seed=seed,
        dtype="float16",
    )


def to_argv(job: Job) -> list[str]:
    """Arguments after ``python -m fwi JOB`` that give this job again; defaults are left out."""
    argv: list[str] = []
    for field in dataclasses.fields(job):
        value = getattr(job, field.name)
        if value == field.default:
            continue
        flag = "--" + field.name.replace("_", "-")
        if isinstance(value, bool):
            argv.append(flag if value else "--no-" + flag[2:])
        elif isinstance(value, tuple):
            argv += [flag, *map(str, value)]
        else:
            argv.append(f"{flag}={value}")
    return argv


def problems(job: Job) -> list[str]:
    """What is wrong with a job's options, each line naming the option, its value and what fits."""
    found: list[str] = []

    def require(name: str, ok: bool, expected: str) -> None:
        if not ok:
            flag = "--" + name.replace("_", "-")
            found.append(f"{flag} {getattr(job, name)}: expected {expected}")

    if isinstance(job, Footprint):
        for name in ("models", "dtypes", "modes", "batch_sizes"):
            require(name, bool(getattr(job, name)), "at least one")
        require("batch_sizes", all(size >= 1 for size in job.batch_sizes), "whole numbers from 1")
        return found
    require("device", _is_device(job.device), "auto, cpu, cuda or cuda:N")
    require("seed", 0 <= job.seed < 2**63, "a whole number from 0")
    if isinstance(job, Train):
        for name in ("epochs", "batch_size", "accumulate", "prefetch"):
            require(name, getattr(job, name) >= 1, "a whole number from 1")
        for name in ("workers", "checkpoint_every"):
            require(name, getattr(job, name) >= 0, "a whole number from 0")
        for name in ("warmup", "flip"):
            require(name, 0 <= getattr(job, name) <= 1, "a number from 0 to 1")
        require("validation_fraction", 0 < job.validation_fraction < 1, "a number between 0 and 1")
        require("ema", 0 <= job.ema < 1, "a number from 0, below 1")
        require("lr", 0 < job.lr < math.inf, "a number above 0")
        for name in ("weight_decay", "clip"):
            require(name, 0 <= getattr(job, name) < math.inf, "a number from 0")
        if job.activation_checkpointing and job.model not in RECOMPUTABLE:
            found.append(
                f"--activation-checkpointing: expected a model of {', '.join(RECOMPUTABLE)}, not "
                f"{job.model}, whose batch statistics would be counted twice"
            )
        found += _encoder_problems(job)
        if job.fp16 is not None and job.dtype not in ("auto", "fp16" if job.fp16 else "fp32"):
            found.append(
                f"--fp16 {job.fp16} and --dtype {job.dtype} contradict each other: give one"
            )
        if job.data is not None and not job.data.is_dir():
            found.append(f"--data {job.data}: no such folder; leave it out to simulate a small set")
    else:
        require("samples", job.samples >= 1, "a whole number from 1")
        require("samples_per_file", job.samples_per_file >= 1, "a whole number from 1")
        require("threads", job.threads >= 0, "a whole number from 0")
        require("families", bool(job.families), "at least one family")
        require("device", job.device != "auto", "cpu, cuda or cuda:N")
    return found


def _encoder_problems(job: Train) -> list[str]:
    found = []
    family = ENCODERS.get(job.model, "").partition("_")[0]
    for name in ("encoder", "pretrained", "encoder_weights"):
        value = getattr(job, name)
        if value and not family:
            flag = "--" + name.replace("_", "-")
            found.append(f"{flag}: --model {job.model} has no encoder; {' and '.join(ENCODERS)} do")
        elif name == "encoder" and value is not None and not value.startswith(family):
            found.append(f"--encoder {value}: expected a timm name that begins with {family}")
    if job.pretrained and job.encoder_weights:
        found.append("--pretrained and --encoder-weights: the hub or a file, give one")
    for name in ("encoder_weights", "weights"):
        path = getattr(job, name)
        if path is not None and not path.is_file():
            found.append(f"--{name.replace('_', '-')} {path}: no such file")
    return found


def _is_device(name: str) -> bool:
    if name in ("auto", "cpu", "cuda"):
        return True
    kind, _, index = name.partition(":")
    return kind == "cuda" and index.isdecimal()


def as_dict(job: Job) -> dict[str, Any]:
    """A job's options as JSON types."""
    return {field.name: _plain(getattr(job, field.name)) for field in dataclasses.fields(job)}


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
