"""``train``: a training run under supervision."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

from fwi import config
from runner import paths as run_places
from runner.commands import supervised
from runner.commands.usage import UsageError, refuse
from runner.console import Console
from runner.options import Supervision

_INTERRUPTED_STATUS = 130


@dataclass(frozen=True)
class TrainCommand:
    """Train a network under supervision; without --data, on a small set simulated on the spot."""

    job: config.Train = field(default_factory=config.Train)
    supervision: Supervision = field(default_factory=Supervision)

    def __call__(self) -> int:
        resume = _resolve_resume(self.job.resume, self.supervision.runs())
        asked = dataclasses.replace(self.job, resume=resume)
        if asked.batch_size == config.AUTO:
            return self._with_a_batch_that_fits(asked)
        return supervised.job(asked, self.supervision, label=asked.model)

    def _with_a_batch_that_fits(self, asked: config.Train) -> int:
        from runner import batch_finder

        one = dataclasses.replace(asked, batch_size=1)
        refuse(config.problems(one) + self.supervision.problems())
        console = Console(live=False)
        try:
            found = batch_finder.find(asked, self.supervision, console.say)
            console.say(found.words)
        except batch_finder.NotFound as error:
            console.say(f"python -m runner: {error}")
            return error.status
        except KeyboardInterrupt:
            return _INTERRUPTED_STATUS
        finally:
            console.close()
        asked = dataclasses.replace(asked, batch_size=found.size)
        return supervised.job(asked, self.supervision, label=asked.model, found=found)


def _resolve_resume(asked: str | None, runs: Path) -> str | None:
    """``last`` and ids of runs become the folder of their checkpoints; paths stay."""
    if asked is None:
        return None
    if asked == "last":
        found = [
            folder
            for folder in runs.glob("*/checkpoints")
            if run_places.is_run_id(folder.parent.name) and any(folder.glob("*.pt"))
        ]
        if not found:
            raise UsageError(f"--resume last: no run in {runs} has a checkpoint")
        return str(max(found, key=lambda folder: folder.parent.name))
    if run_places.is_run_id(asked) and (runs / asked).is_dir():
        return str(run_places.run_paths(runs, asked).checkpoints)
    if not Path(asked).exists():
        raise UsageError(
            f"--resume {asked}: neither a run in {runs} nor a checkpoint file or folder; "
            f"`python -m runner runs` lists the runs"
        )
    return asked
