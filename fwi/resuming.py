"""Going on from a checkpoint: what may differ from the run that wrote it, and what may not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fwi import checkpoint, config
from fwi.errors import DataError, UsageError
from fwi.reporting import say

DEFINING = ("data", "families", "split", "validation_fraction", "model", "encoder", "seed")
"""Options that make it another run: other samples, another order, another network."""
_START = ("pretrained", "encoder_weights", "weights")
"""Options of where the weights begin, without meaning once there is a checkpoint."""
_PLACES = (*_START, "checkpoints", "checkpoint_every", "resume", "restart", "dryrun")


def recorded(job: config.Train) -> dict[str, Any]:
    """The options as a checkpoint holds them, the data folder as an absolute path, the encoder by
    its name."""
    options = config.as_dict(job)
    if job.data is not None:
        options["data"] = str(Path(job.data).resolve())
    options["encoder"] = job.encoder or config.ENCODERS.get(job.model)
    return options


def without_start(job: config.Train) -> config.Train:
    """The job, whose weights come from a checkpoint: nothing is fetched or read to begin with."""
    return replace(job, pretrained=False, encoder_weights=None, weights=None)


def find(job: config.Train) -> checkpoint.Found | None:
    """The checkpoint that ``--restart`` or ``--resume`` asks for, known to be of the same run; None
    without one.

    Says what was passed over, and which options have changed. Raises UsageError and DataError.
    """
    found = _own(job) if job.restart else None
    if found is None:
        found = _asked(job)
    if found is None:
        return None
    for problem in found.passed_over:
        say(f"passed over: {problem}")
    require_same_run(found.path, found.state["config"], job)
    if changed := changes(found.state["config"], job):
        say(f"options that changed since the checkpoint: {changed}")
    return found


def _own(job: config.Train) -> checkpoint.Found | None:
    """What an earlier attempt of this run left, where any of it is sound."""
    if not any((job.checkpoints / name).exists() for name in checkpoint.NAMES):
        return None
    try:
        return checkpoint.find(job.checkpoints)
    except DataError as error:
        say(f"no checkpoint to go on from: {error}")
        return None


def _asked(job: config.Train) -> checkpoint.Found | None:
    if job.resume is None:
        return None
    if not Path(job.resume).exists():
        raise UsageError(
            f"--resume {job.resume}: no such file or folder; a run's id, and last, are understood "
            "by `python -m runner train`"
        )
    return checkpoint.find(Path(job.resume))


def require_same_run(path: Path, saved: Mapping[str, Any], job: config.Train) -> None:
    """Raise UsageError naming each defining option that differs, with both values."""
    now = recorded(job)
    lines = [
        f"--{_flag(name)}: {_shown(saved.get(name))} in the checkpoint, {_shown(now[name])} now"
        for name in DEFINING
        if saved.get(name) != now[name]
    ]
    if bool(saved.get("ema")) != bool(job.ema):
        lines.append(f"--ema: {saved.get('ema')} in the checkpoint, {job.ema} now")
    if lines:
        raise UsageError(
            f"--resume {path}: that is another run; give the same options, or start anew "
            "without --resume\n" + "\n".join(lines)
        )


def changes(saved: Mapping[str, Any], job: config.Train) -> str | None:
    """One line of the options that differ and may; None where there are none."""
    now = recorded(job)
    found = [
        f"--{_flag(name)} {_shown(saved.get(name))} → {_shown(value)}"
        for name, value in now.items()
        if name not in (*DEFINING, *_PLACES) and saved.get(name, value) != value
    ]
    return ", ".join(found) or None


def require_same_samples(path: Path, saved: Mapping[str, Any], now: Mapping[str, int]) -> None:
    """Raise DataError where the data folder no longer holds as many samples."""
    if dict(saved) != dict(now):
        raise DataError(
            f"--resume {path}: it was made with {_counts(saved)}, the data now gives "
            f"{_counts(now)}; the place in the order of samples has no meaning there. Bring the "
            "same files back, or start anew without --resume"
        )


def generators(state: Mapping[str, Any], rank: int) -> dict[str, Any] | None:
    """The random state that a rank had; None where the checkpoint is of fewer processes."""
    of_ranks: list[dict[str, Any]] = [state["rng"], *state.get("rng_of_others", ())]
    return of_ranks[rank] if rank < len(of_ranks) else None


def other_processes(state: Mapping[str, Any], job: config.Train, world: int) -> str | None:
    """One line where the checkpoint is of another number of processes; None where it is not."""
    before = int(state.get("processes", 1))
    if before == world:
        return None
    samples = before * int(state["config"].get("batch_size", job.batch_size))
    return (
        f"the checkpoint is of {before} process(es), this run has {world}: the same samples in the "
        f"same order, {job.batch_size * world} a step (before: {samples}); what layers draw at "
        "random differs"
    )


def bring_best(path: Path, folder: Path) -> None:
    """Copy the best checkpoint from beside ``path``, where that is another folder."""
    best = path.with_name(checkpoint.BEST)
    if best.exists() and path.parent.resolve() != folder.resolve():
        checkpoint.copy(best, folder / checkpoint.BEST)


def _counts(samples: Mapping[str, Any]) -> str:
    return f"{samples.get('train')} training and {samples.get('validation')} validation samples"


def _flag(name: str) -> str:
    return name.replace("_", "-")


def _shown(value: Any) -> str:
    if value is None or value == []:
        return "not given"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
