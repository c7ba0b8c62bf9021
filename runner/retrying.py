"""The attempts of a run, one after the other: each a fresh process in a clean room."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fwi import config
from runner import leaks, recovery, waiting
from runner.attempt import Attempt
from runner.attempt_end import AttemptEnd
from runner.attempts import Finished
from runner.diagnosis import diagnose
from runner.evidence import Diagnosis, Fact
from runner.ladder import ALLOCATOR_VARIABLES, Ended, Settings
from runner.outcomes import Outcome
from runner.paths import RunPaths
from runner.recovery import Change, Stop
from runner.same_failure import failure_of
from runner.units import duration

_INTERRUPTED = "the user asked for the end between two attempts"


@dataclass(frozen=True)
class Changeable:
    """A job of ours, whose options recovery may change."""

    job: config.Job
    command: Callable[[config.Job], Sequence[str]]
    """The argument vector of the job with these options."""

    def in_folder(self, paths: RunPaths) -> Changeable:
        """The same with what it writes in the run's folder, where the user did not choose one."""
        job = self.job
        if isinstance(job, config.Evaluate) and job.out == config.Evaluate().out:
            return dataclasses.replace(self, job=dataclasses.replace(job, out=paths.evaluation))
        if isinstance(job, config.Train) and job.checkpoints == config.Train().checkpoints:
            return dataclasses.replace(
                self, job=dataclasses.replace(job, checkpoints=paths.checkpoints)
            )
        return self


@dataclass(frozen=True)
class Launch:
    """What the next attempt is started with."""

    n: int
    command: Sequence[str]
    environment: Mapping[str, str]
    deadline: float
    """Seconds that are left of the run's; 0: any."""


@dataclass(frozen=True)
class Over:
    """A run whose last attempt has ended."""

    attempts: tuple[Finished, ...]
    diagnosis: Diagnosis
    stopped: str | None


class Retrying:
    """Runs once. ``interrupt`` may be called meanwhile, from the same thread."""

    def __init__(
        self,
        what: Sequence[str] | Changeable,
        paths: RunPaths,
        *,
        environment: Mapping[str, str],
        retries: int,
        deadline: float,
        wait_device: float,
        make: Callable[[Launch], Attempt],
        ended: Callable[[Over], None],
        say: Callable[[str], None],
    ) -> None:
        self._what = what
        self._paths = paths
        self._environment = dict(environment)
        self._retries = retries
        self._deadline = deadline
        self._wait_device = wait_device
        self._make = make
        self._ended = ended
        self._say = say
        self._attempt: Attempt | None = None
        self._interrupted = asyncio.Event()
        self._finished: list[Finished] = []
        self._ran: list[Ended] = []
        self._stood_still_s = 0.0
        self._checkpoints_before = _checkpoints(self._folder())

    def pass_on(self, number: int) -> None:
        """Send a signal of somebody's to the first process of the running attempt."""
        if self._attempt is not None:
            self._attempt.pass_on(number)

    def interrupt(self) -> None:
        """Ends the run: through the attempt where one runs, at once between two."""
        self._interrupted.set()
        if self._attempt is not None:
            self._attempt.interrupt()

    async def run(self) -> Over:
        self._began = time.monotonic()
        settings = self._first_settings()
        while True:
            change = await self._one(settings)
            if isinstance(change, Change):
                problem = await self._get_ready(change)
                if problem is None:
                    settings = change.settings
                    continue
                change = problem
            return self._over(change)

    async def _one(self, settings: Settings) -> Change | Stop:
        """One attempt, recorded; what follows it."""
        n, began = len(self._finished) + 1, time.monotonic()
        try:
            end = await self._attempt_to_its_end(n, settings)
        except OSError as error:
            if n == 1:
                raise
            return Stop(f"attempt {n} could not be made: {error}")
        diagnosis = diagnose(end.evidence)
        failure = failure_of(diagnosis, end.record, settings.job)
        came_from = self._finished[-1].change if self._finished else None
        self._ran.append(Ended(failure, settings, came_from.rung if came_from else None))
        decision = recovery.decide(self._ran, self._retries)
        one = Finished(
            n,
            began - self._began if n > 1 else 0.0,
            end,
            diagnosis,
            failure,
            settings,
            decision if isinstance(decision, Change) else None,
        )
        self._finished = [*map(_slim, self._finished), one]
        if isinstance(decision, Change):
            self._ended(Over(tuple(self._finished), diagnosis, None))
        return decision

    async def _attempt_to_its_end(self, n: int, settings: Settings) -> AttemptEnd:
        self._paths.attempt(n).folder.mkdir()
        left = self._time_left() if n > 1 else self._deadline
        self._attempt = self._make(Launch(n, self._command(settings), self._with(settings), left))
        if self._interrupted.is_set():
            self._attempt.interrupt()
        try:
            return await self._attempt.run()
        finally:
            self._stood_still_s += self._attempt.stood_still_s
            self._attempt = None

    async def _get_ready(self, change: Change) -> Stop | None:
        """Say what comes, make sure that it can; why it cannot."""
        last = self._finished[-1]
        head = f"attempt {last.n} ended as {last.diagnosis.outcome}; "
        if self._interrupted.is_set():
            return Stop(_INTERRUPTED)
        if held := leaks.holding(last.end.leaks):
            return Stop("what the attempt left could not be removed: " + "; ".join(held))
        if self._is_too_late():
            return Stop("the deadline of the run has passed")
        where = f", {self._from_where(change.settings)}" if change.settings.job else ""
        self._say(
            f"{head}attempt {last.n + 1} of {self._retries + 1}: {recovery.words(change)}{where}"
        )
        return await self._wait_for_device(change) if change.wait_for_device else None

    async def _wait_for_device(self, change: Change) -> Stop | None:
        left = self._time_left()
        bound = min(self._wait_device, left) if self._deadline else self._wait_device
        device = getattr(change.settings.job, "device", None)
        waited = await waiting.for_device(
            bound,
            waiting.visible_devices(device, self._environment),
            self._interrupted,
            self._say,
        )
        if self._interrupted.is_set():
            return Stop(_INTERRUPTED)
        if waited.unknown is not None:
            self._say(f"who holds the device cannot be seen ({waited.unknown}): trying at once")
        if waited.held:
            return Stop(
                f"after {duration(waited.seconds)} the device is still held: "
                + "; ".join(waited.held)
            )
        return Stop("the deadline of the run has passed") if self._is_too_late() else None

    def _over(self, stop: Stop) -> Over:
        last = self._finished[-1]
        diagnosis = last.diagnosis
        if stop.reason == _INTERRUPTED:
            diagnosis = Diagnosis(
                outcome=Outcome.INTERRUPTED.value,
                confidence=1.0,
                facts=(Fact("signal", _INTERRUPTED), *diagnosis.facts),
                also=(diagnosis.outcome, *diagnosis.also),
                advice=diagnosis.advice,
            )
        self._finished[-1] = dataclasses.replace(last, change=None)
        said = self._retries > 0 and last.diagnosis.outcome != Outcome.OK
        if said:
            self._say(
                f"attempt {last.n} ended as {last.diagnosis.outcome}; "
                f"no further attempt: {stop.reason}"
            )
        return Over(tuple(self._finished), diagnosis, stop.reason if said else None)

    def first_command(self) -> list[str]:
        """The argument vector of the first attempt."""
        return self._command(self._first_settings())

    def _command(self, settings: Settings) -> list[str]:
        if not isinstance(self._what, Changeable):
            return list(self._what)
        job = settings.job
        assert job is not None, "the settings of a changeable job hold it"
        if isinstance(job, config.Train) and self._may_restart():
            job = dataclasses.replace(job, restart=True)
        return list(self._what.command(job))

    def _first_settings(self) -> Settings:
        return Settings(
            self._what.job if isinstance(self._what, Changeable) else None,
            {n: self._environment[n] for n in ALLOCATOR_VARIABLES if n in self._environment},
        )

    def _with(self, settings: Settings) -> dict[str, str]:
        return self._environment | dict(settings.environment)

    def _folder(self) -> Path | None:
        """Where the job puts its checkpoints."""
        if not isinstance(self._what, Changeable) or not isinstance(self._what.job, config.Train):
            return None
        return self._what.job.checkpoints

    def _may_restart(self) -> bool:
        """Whether this run has left a checkpoint. One that lay there before it began may be of
        another run: a job that starts anew moves such out of the way, but may die before that."""
        return bool(_checkpoints(self._folder()) - self._checkpoints_before)

    def _from_where(self, settings: Settings) -> str:
        job = settings.job
        if isinstance(job, config.Synth):
            return "keeping the files that are complete"
        if isinstance(job, config.Infer):
            return "keeping what is predicted"
        if self._may_restart():
            return "from the last checkpoint"
        asked = job.resume if isinstance(job, config.Train) else None
        return f"from {asked}" if asked else "from the beginning"

    def _time_left(self) -> float:
        """Seconds until the deadline of the run; 0: it has none."""
        return max(0.001, self._deadline - self._ran_s()) if self._deadline else 0.0

    def _is_too_late(self) -> bool:
        return bool(self._deadline) and self._ran_s() >= self._deadline

    def _ran_s(self) -> float:
        return time.monotonic() - self._began - self._stood_still_s


def _checkpoints(folder: Path | None) -> frozenset[tuple[str, int, int]]:
    """(name, inode, time of change) of the checkpoints in a folder."""
    found = set()
    paths: Iterable[Path] = folder.glob("*.pt") if folder is not None else ()
    for path in paths:
        try:
            stat = path.stat()
        except FileNotFoundError:
            continue
        found.add((path.name, stat.st_ino, stat.st_mtime_ns))
    return frozenset(found)


def _slim(one: Finished) -> Finished:
    """An attempt without its output and stacks, which are on disk: there may be a hundred."""
    evidence = dataclasses.replace(one.end.evidence, output="", stall=None)
    return dataclasses.replace(one, end=dataclasses.replace(one.end, evidence=evidence))
