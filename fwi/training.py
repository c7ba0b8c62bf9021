"""The train job: what a run needs, made in its order, and then the run (``fwi.training_run``)."""

from __future__ import annotations

import os
from contextlib import closing

import torch

from fwi import checkpoint, config, resuming, scalars, shares
from fwi.errors import NonFiniteError
from fwi.feeding import Feed
from fwi.finite import Watch
from fwi.interruption import Interruption
from fwi.precision import resolve_device, resolve_precision
from fwi.ranks import Ranks, has_batch_statistics, joined
from fwi.reporting import say
from fwi.scalars import Scalars
from fwi.stepping import Learner
from fwi.training_data import gather
from fwi.training_run import Run
from probes import pulse
from probes.allocation_history import History

_ECHO_S = 2.0
"""Time in which a launcher passes on the signal that its processes got as well."""


def train(job: config.Train) -> None:
    """Train as ``job`` says, from the start or from ``job.resume``; with others where a launcher
    has started several processes.

    Prints a line an epoch. Raises Interrupted after SIGTERM or SIGINT, the checkpoint written;
    JobError for what the reader can mend.
    """
    who = shares.member(os.environ)
    with pulse.phase("startup"):
        device = resolve_device(job.device, who)
        precision = resolve_precision(job, device)
    with joined(who, device) as together:
        run = _begin(job, device, precision, together)
        # Its own phase, or what lies between the others would count as startup.
        echo_s = _ECHO_S if together.are_several else 0.0
        with (
            pulse.phase("train"),
            Interruption(together.agree, echo_s) as interruption,
            closing(run.scalars),
        ):
            run.feed.interruption = interruption
            try:
                if job.dryrun:
                    run.try_every_phase()
                else:
                    run.train()
            except NonFiniteError as error:
                if (found := run.damaged()) is not None:
                    raise NonFiniteError(error.what, found) from None
                raise


def _begin(
    job: config.Train, device: torch.device, precision: config.Precision, together: Ranks
) -> Run:
    with pulse.phase("startup"):
        together.first(lambda: checkpoint.prepare(job.checkpoints))
        found = together.first(lambda: resuming.find(job))
    data = gather(job, together)
    with pulse.phase("startup"):
        history = History(device)
        history.begin()
        start = job if found is None else resuming.without_start(job)
        learner = Learner(start, device, precision, together)
        run = Run(
            job,
            Feed(job, data, together, device),
            learner,
            Watch(device, precision),
            together,
            history,
        )
        if found is not None:
            run.take(found)
        if job.tensorboard and together.is_first:
            run.scalars = Scalars(scalars.folder(job.checkpoints), run.place.step)
        if (
            found is None
            and not job.dryrun
            and (aside := together.first(lambda: checkpoint.set_aside(job.checkpoints)))
        ):
            say(f"the checkpoints of an earlier run were moved to {aside}")
    _say_what(job, run, f"on {device} in {precision}")
    return run


def _say_what(job: config.Train, run: Run, where: str) -> None:
    network, data = run.learner.network, run.feed.data
    millions = sum(p.numel() for p in network.parameters()) / 1e6
    several = ""
    if run.ranks.are_several:
        several = f"{run.ranks.who.world} processes, each with {job.batch_size} samples a step: "
        if has_batch_statistics(network) and run.learner.device.type == "cpu":
            say(
                f"{job.model} normalises by statistics of a batch: on the CPU each process by "
                "those of its own samples (on GPUs by those of all)"
            )
    say(
        f"training {job.model} ({millions:.2f} M parameters) {where}: {several}"
        f"{len(data.train)} training and {len(data.validation)} validation samples of "
        f"{len(data.families)} families (split: {data.how}), {job.epochs} epochs, "
        f"{run.steps_left()} steps to go"
    )
