"""What a command line may call a checkpoint: a path, a run's id, or ``last``."""

from __future__ import annotations

from pathlib import Path

from runner import paths as run_places
from runner.commands.usage import UsageError


def resolve(option: str, asked: str, runs: Path) -> str:
    """``last`` and ids of runs become the folder of their checkpoints; paths stay.

    ``option``: as typed, for the words of the UsageError where it is none of them.
    """
    if asked == "last":
        found = [
            folder
            for folder in runs.glob("*/checkpoints")
            if run_places.is_run_id(folder.parent.name) and any(folder.glob("*.pt"))
        ]
        if not found:
            raise UsageError(f"{option} last: no run in {runs} has a checkpoint")
        return str(max(found, key=lambda folder: folder.parent.name))
    if run_places.is_run_id(asked) and (runs / asked).is_dir():
        return str(run_places.run_paths(runs, asked).checkpoints)
    if not Path(asked).exists():
        raise UsageError(
            f"{option} {asked}: neither a run in {runs} nor a checkpoint file or folder; "
            f"`python -m runner runs` lists the runs"
        )
    return asked
