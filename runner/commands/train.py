"""``train``: a training run under supervision."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fwi import config
from runner import machine_json, without_run
from runner.commands import checkpoints, supervised
from runner.commands.usage import UsageError, reader_may_be_gone, refuse
from runner.console import Console
from runner.options import Supervision
from runner.outcomes import Outcome
from runner.processes import Processes

_INTERRUPTED_STATUS = 130


@dataclass(frozen=True)
class TrainCommand:
    """Train a network under supervision; without --data, on a small set simulated on the spot."""

    job: config.Train = field(default_factory=config.Train)
    supervision: Supervision = field(default_factory=Supervision)
    processes: Processes = field(default_factory=Processes)

    def __call__(self) -> int:
        runs, job = self.supervision.runs(), self.job
        resume, weights = job.resume, job.weights
        if resume is not None:
            resume = checkpoints.resolve("--resume", resume, runs)
        if weights is not None and not weights.exists():
            weights = Path(checkpoints.resolve("--init-from", str(weights), runs))
        asked = dataclasses.replace(job, resume=resume, weights=weights)
        if asked.batch_size == config.AUTO:
            return self._with_a_batch_that_fits(asked)
        return supervised.job(asked, self.supervision, label=asked.model, processes=self.processes)

    def _with_a_batch_that_fits(self, asked: config.Train) -> int:
        from runner import batch_finder

        if self.processes.are_several:
            raise UsageError(
                "--batch-size auto: found for one process alone; with --nproc or --nnodes give a "
                "number, as a run of one process finds it"
            )
        one = dataclasses.replace(asked, batch_size=1)
        refuse(config.problems(one) + self.supervision.problems())
        console = Console(live=False)
        try:
            found = batch_finder.find(asked, self.supervision, console.say)
            console.say(found.words)
        except batch_finder.NotFound as error:
            console.say(f"python -m runner: {error}")
            return self._ended(error.outcome, error.status, str(error), error.runs)
        except KeyboardInterrupt:
            reason = "interrupted while a batch size was looked for"
            return self._ended(Outcome.INTERRUPTED, _INTERRUPTED_STATUS, reason)
        finally:
            console.close()
        asked = dataclasses.replace(asked, batch_size=found.size)
        return supervised.job(asked, self.supervision, label=asked.model, found=found)

    def _ended(
        self, outcome: Outcome, status: int, reason: str, earlier: Sequence[str] = ()
    ) -> int:
        """Say the end of a training that has not begun; its status."""
        if self.supervision.json:
            content = without_run.as_dict("train", outcome, status, reason, earlier)
            with reader_may_be_gone(sys.stdout):
                print(machine_json.dumps(content), flush=True)
        return status
