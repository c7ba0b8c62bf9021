"""``train --batch-size auto``: one prediction, one confirming attempt, then the training itself.

A size is never used that was not run: the confirming attempt takes the train job's own dry run, in
a fresh process, a few moves long. Where it does not hold, a smaller size is predicted and confirmed
once more; there is no third.
"""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fwi import config
from probes import pulse
from runner import (
    batch_choice,
    explain,
    fit_history,
    past_overheads,
    prediction,
    supervisor,
    where,
)
from runner.batch_choice import Cap, Choice, Search, Trial
from runner.fit_history import Key, Measured
from runner.footprints import FootprintError, Footprints
from runner.options import Supervision
from runner.outcomes import Outcome, exit_status
from runner.paths import RunPaths
from runner.prediction import Span
from runner.profiling.host_prediction import predict_host
from runner.result import Result
from runner.units import size
from runner.where import NoDevice, Room, Where

_CONFIRMED_MOVES = 3
"""The optimizer's state is there from the second on."""
_COUNT_S = 1800.0
"""Simulating the small set included."""


class NotFound(Exception):
    """No size could be confirmed; ``outcome`` and ``status`` are what the command ends with,
    ``runs`` those that did not confirm one."""

    def __init__(
        self, message: str, outcome: Outcome, status: int | None = None, runs: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.status = exit_status(outcome) if status is None else status
        self.runs = tuple(runs)


@dataclass(frozen=True)
class Found:
    """A batch size that was run, and how it was found."""

    size: int
    words: str
    details: dict[str, Any]
    """JSON types, for run.json and result.json."""


def find(job: config.Train, options: Supervision, say: Callable[[str], None]) -> Found:
    """Raises NotFound."""
    try:
        place = where.resolve(job.device)
        room = (
            where.host_room(options.max_host_memory) if place.is_cpu else where.device_room(place)
        )
        cap = batch_choice.cap(_samples(job), job.accumulate)

        def confirm(choice: Choice) -> Trial:
            say(_predicted(choice, room, cap))
            result = _confirm(job, choice.size, options)
            trial = Trial(choice.size, result.outcome.value, _peak(result, place), result.run)
            if not trial.holds(room.size):
                say(f"batch size {choice.size} was not confirmed: {_ended(trial)}")
            return trial

        overheads = {} if place.is_cpu else past_overheads.of(options.runs(), say)
        with Predictor(job, place, overheads) as predict:
            search = batch_choice.search(predict, confirm, room.size, cap.size)
    except (NoDevice, FootprintError) as error:
        raise NotFound(f"--batch-size auto: {error}", Outcome.ERROR_USAGE) from error
    if not search.found:
        raise _not_found(search, room)
    return _found(search, room, cap, place)


def _not_found(search: Search, room: Room) -> NotFound:
    if not search.trials:
        return NotFound(
            f"--batch-size auto: not one sample is predicted to fit: "
            f"{_range(search.choice.predicted)} of {size(room.size)} ({room.bound}); "
            "--activation-checkpointing needs less",
            Outcome.ERROR_USAGE,
        )
    tried = "; ".join(f"{one.size}: {_ended(one)}, run {one.run}" for one in search.trials)
    outcome = Outcome(search.trials[-1].outcome)
    return NotFound(
        f"--batch-size auto: no size was confirmed ({tried}); give a number",
        Outcome.ERROR_USAGE if outcome is Outcome.OK else outcome,
        runs=[one.run for one in search.trials],
    )


def _ended(trial: Trial) -> str:
    return trial.outcome if trial.outcome != Outcome.OK else f"it took {size(trial.peak)}"


class Predictor:
    """Asks children for footprints, one size at a time. ``overheads`` is what earlier runs took of
    a device beside torch's memory."""

    def __init__(self, job: config.Train, place: Where, overheads: Mapping[Key, Measured]) -> None:
        self._asked = {
            "model": job.model,
            "dtype": precision_of(job, place),
            "mode": "train",
            "activation_checkpointing": job.activation_checkpointing,
            "ema": job.ema > 0,
            "encoder": job.encoder,
        }
        self._workers = job.workers
        self._place = place
        self._overheads = overheads
        self._children = Footprints(1, lambda _: None, "cpu" if place.is_cpu else "cuda")

    def __enter__(self) -> Predictor:
        return self

    def __exit__(self, *_: Any) -> None:
        self._children.__exit__(None, None, None)

    def __call__(self, batch: int) -> Span:
        [footprint] = self._children.find([{**self._asked, "batch_size": batch}])
        if self._place.device is None:
            return predict_host(footprint, self._workers)
        kind = str(self._asked["model"]), str(self._asked["dtype"]), "train"
        beside = fit_history.on_device(self._overheads, kind, self._place.device)
        return prediction.predict(footprint, self._place.card, beside).total


def precision_of(job: config.Train, place: Where) -> config.Precision:
    """What ``--dtype auto`` comes to, as the train job decides it."""
    if job.fp16 is not None:
        return "fp16" if job.fp16 else "fp32"
    if job.dtype != "auto":
        return job.dtype
    if place.is_cpu:
        return "fp32"
    if place.card.native_bf16:
        return "bf16"
    return "fp32" if job.model in config.OVERFLOWING else "fp16"


def _samples(job: config.Train) -> int:
    """Of the training set. Raises NotFound with what the count job says."""
    asked = config.Count(
        data=job.data,
        families=job.families,
        split=job.split,
        validation_fraction=job.validation_fraction,
        model=job.model,
        seed=job.seed,
    )
    command = [sys.executable, "-m", "fwi", "count", *config.to_argv(asked)]
    try:
        with tempfile.TemporaryDirectory(prefix="count-") as folder:
            recorder = Path(folder) / "pulse"
            pulse.create(recorder)
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_COUNT_S,
                check=False,
                env=os.environ | {pulse.ENVIRONMENT: str(recorder)},
            )
            failure = pulse.read(recorder).failure
    except subprocess.TimeoutExpired as error:
        raise NotFound(
            f"counting the samples took more than {_COUNT_S:.0f} s", Outcome.TIMEOUT
        ) from error
    except OSError as error:
        is_full = error.errno == errno.ENOSPC
        raise NotFound(
            f"the samples could not be counted: {error}",
            Outcome.ERROR_DISK if is_full else Outcome.ERROR_PYTHON,
        ) from error
    if done.returncode:
        text = done.stderr.decode("utf-8", "replace").strip()
        raise NotFound(
            text.splitlines()[-1] if text else "the samples could not be counted",
            Outcome(failure[0] if failure else explain.explain(text, done.returncode).outcome),
            done.returncode,
        )
    return int(json.loads(done.stdout.splitlines()[-1])["train"])


def _confirm(job: config.Train, batch: int, options: Supervision) -> Result:
    """A few moves of the job itself, in a fresh process."""
    tried = dataclasses.replace(
        job,
        batch_size=batch,
        dryrun=True,
        dryrun_moves=_CONFIRMED_MOVES,
        resume=None,
        restart=False,
    )

    def command(paths: RunPaths) -> list[str]:
        own = dataclasses.replace(tried, checkpoints=paths.checkpoints)
        return [sys.executable, "-m", "fwi", "train", *config.to_argv(own)]

    return supervisor.run(
        command,
        job="train",
        label=f"{job.model}-confirm-b{batch}",
        options=dataclasses.replace(options, retries=0, auto=False),
        asked=config.as_dict(tried),
        environment={"PYTHONUNBUFFERED": "1"},
        live=True,
    )


def _peak(result: Result, place: Where) -> int | None:
    """Bytes that the attempt took, where the room is."""
    peaks = result.peaks
    if place.device is None:
        return peaks.host_pss if peaks.host_pss is not None else peaks.host_rss
    used = peaks.device_used.get(place.device.index)
    own = None if used is None else used - place.device.used
    known = [one for one in (own, peaks.device_reserved) if one is not None]
    return max(known, default=None)


def _range(span: Span) -> str:
    return f"{size(span.likely)} ({size(span.least)} - {size(span.most)})"


def _predicted(choice: Choice, room: Room, cap: Cap) -> str:
    bound = f"memory: {room.bound}" if choice.by_memory else cap.bound
    return (
        f"batch size {choice.size} is predicted to take {_range(choice.predicted)} of "
        f"{size(room.size)}; bound by {bound}; confirming it in a run of its own"
    )


def _found(search: Search, room: Room, cap: Cap, place: Where) -> Found:
    choice, last = search.choice, search.trials[-1]
    bound = f"memory: {room.bound}" if choice.by_memory else cap.bound
    predicted = choice.predicted
    return Found(
        choice.size,
        f"batch size {choice.size}, found: confirmed by run {last.run}, which took "
        f"{size(last.peak)} of {size(room.size)} (predicted {_range(predicted)}); bound by {bound}",
        {
            "batch_size": choice.size,
            "bound": bound,
            "room": room.size,
            "device": place.name,
            "predicted": [predicted.least, predicted.likely, predicted.most],
            "confirmed_by": last.run,
            "peak": last.peak,
            "not_confirmed": [one.run for one in search.trials[:-1]],
        },
    )
