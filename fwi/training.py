"""The train job.

Each epoch goes through the training samples in a seeded order, learning from a window of
``accumulate`` batches at a time, and then validates the average of the weights. Between two windows
the state is whole: there checkpoints are written, and there an interrupted run ends and goes on.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fwi import augmentation, checkpoint, config, reporting, resuming, rng, schedule
from fwi.checkpoint import put
from fwi.evaluation import Errors, ErrorSums
from fwi.finite import Watch
from fwi.holdings import Holdings
from fwi.interruption import Interrupted, Interruption
from fwi.precision import resolve_device, resolve_precision
from fwi.reporting import say
from fwi.schedule import Place
from fwi.stepping import Learner
from fwi.training_data import TrainingData, batches_of, gather
from probes import pulse
from probes.allocator import Meter


def train(job: config.Train) -> None:
    """Train as ``job`` says, from the start or from ``job.resume``.

    Prints a line an epoch. Raises Interrupted after SIGTERM or SIGINT, the checkpoint written;
    JobError for what the reader can mend.
    """
    with pulse.phase("startup"):
        device = resolve_device(job.device)
        precision = resolve_precision(job, device)
        checkpoint.prepare(job.checkpoints)
        found = resuming.find(job)
    data = gather(job)
    with pulse.phase("startup"):
        learner = Learner(job if found is None else resuming.without_start(job), device, precision)
        run = Run(job, data, learner, Watch(device, precision))
        if found is not None:
            run.take(found)
        elif not job.dryrun and (aside := checkpoint.set_aside(job.checkpoints)):
            say(f"the checkpoints of an earlier run were moved to {aside}")
    say(
        f"training {job.model} ({_millions(learner)} M parameters) on {device} in {precision}: "
        f"{len(data.train)} training and {len(data.validation)} validation samples of "
        f"{len(data.families)} families (split: {data.how}), {job.epochs} epochs, "
        f"{run.steps_left()} steps to go"
    )
    # Its own phase, or what lies between the others would count as startup.
    with pulse.phase("train"), Interruption() as interruption:
        run.interruption = interruption
        if job.dryrun:
            run.try_every_phase()
        else:
            run.train()


class Run:
    """One training run: where it is, what it has learned, how good it has become."""

    def __init__(
        self, job: config.Train, data: TrainingData, learner: Learner, watch: Watch
    ) -> None:
        self.job = job
        self.data = data
        self.learner = learner
        self.watch = watch
        self.interruption = Interruption()
        self.place = Place()
        self.best: float | None = None
        """Lowest validation error so far, m/s."""
        self._saved: Place | None = None
        self._holdings = Holdings(learner)
        self._meter = Meter(learner.device.index)

    def train(self) -> None:
        """Learn and validate until all epochs are done; a checkpoint at each end of an epoch."""
        if self.place.epoch >= self.job.epochs:
            say(
                f"nothing left to do: all {self.job.epochs} epochs are trained; "
                "ask for more with --epochs"
            )
        try:
            while self.place.epoch < self.job.epochs:
                samples_per_s = self._learn()
                errors = self._validate()
                self._end_epoch(errors, samples_per_s)
        except Interrupted as interrupted:
            self._save()
            say(
                f"{interrupted}: checkpoint at step {self.place.step} in "
                f"{self.job.checkpoints / checkpoint.LAST}; go on with "
                f"--resume {self.job.checkpoints}"
            )
            raise

    def _learn(self) -> float | None:
        """Learn from what is left of the epoch; the samples a second."""
        samples = len(self.data.train)
        every = self.job.checkpoint_every
        flips = augmentation.flips(self.job.seed, self.place.epoch, samples, self.job.flip)
        began_at, began_s = self.place.position, time.monotonic()
        self.learner.network.train()
        batches = self._batches(training=True)
        while self.place.position < samples:
            window = min(samples - self.place.position, self.job.batch_size * self.job.accumulate)
            self._learn_window(batches, window, flips)
            rate = (self.place.position - began_at) / (time.monotonic() - began_s)
            pulse.gauge("samples_per_s", rate)
            if every and self.place.moves % every == 0 and self.place.position < samples:
                self._save()
            self.interruption.check()
        self.watch.flush()  # waits for the device, so that the time below is the whole time
        self._empty_cache()
        if began_at == samples:
            return None
        return (samples - began_at) / (time.monotonic() - began_s)

    def _learn_window(self, batches: Iterator[Any], window: int, flips: NDArray[np.bool_]) -> None:
        """One move of the optimizer, from ``window`` samples; interrupted, nothing of it."""
        place, learner = self.place, self.learner
        epochs, samples = self.job.epochs, len(self.data.train)
        step, position = place.step, place.position
        learner.mark()
        self.watch.mark()
        self._holdings.begin_window()
        try:
            while position < place.position + window:
                cube, velocity = self._next(batches)
                which = torch.from_numpy(flips[position : position + len(cube)])
                cube, velocity = self._transferred(cube, velocity, which)
                self._holdings.inputs(cube, velocity)
                predicted = learner.predict(cube)
                loss = learner.add(predicted, velocity, share=len(cube) / window)
                self._holdings.added()
                step, position = step + 1, position + len(cube)
                self.watch.loss(loss, step, len(cube))
                self._beat(step, loss=self.watch.newest)
        except BaseException as error:
            self._holdings.end()
            if isinstance(error, Interrupted):
                learner.rewind()
                self.watch.rewind()
            raise
        rate = schedule.learning_rate(
            schedule.progress(place, window, samples, epochs), self.job.lr, self.job.warmup
        )
        self.watch.norm(learner.move(rate), step)
        self._holdings.moved()
        pulse.gauge("lr", rate)
        self.place = Place(place.epoch, position, step, place.moves + 1)

    def _validate(self) -> Errors:
        """The errors of the averaged network on every validation sample."""
        sums = ErrorSums(self.data.families, self.learner.device)
        network = self.learner.validated.eval()
        families = self.data.validation_families
        self._holdings.end()
        with pulse.phase("evaluate"), rng.kept(), torch.no_grad():
            position = 0
            batches = self._batches(training=False)
            while position < len(families):
                cube, velocity = self._transferred(*self._next(batches))
                with self._holdings.once("evaluate"):
                    with self.learner.autocast():
                        predicted = network(cube)
                    sums.add(predicted, velocity, families[position : position + len(cube)])
                position += len(cube)
                self._beat(self.place.step)
            errors = sums.result()
        self.watch.error(errors.overall, self.place.step)
        self._empty_cache()
        return errors

    def _end_epoch(self, errors: Errors, samples_per_s: float | None) -> None:
        is_best = self.best is None or errors.overall < self.best
        self.best = errors.overall if is_best else self.best
        reporting.epoch(
            self.job, self.place, len(self.data.train), self.watch.mean, errors, samples_per_s
        )
        self.place = dataclasses.replace(self.place, epoch=self.place.epoch + 1, position=0)
        self.watch.new_epoch()
        self._save(is_best=is_best)
        self.interruption.check()

    def _batches(self, *, training: bool) -> Iterator[Any]:
        """Batches from here to the end of the epoch, or of the validation samples."""
        # A loader draws a seed for its workers; what a run draws must not depend on how often
        # it was interrupted.
        with rng.kept():
            batches = batches_of(self.job, self.data, self.place if training else None)
        self.interruption.hold_back_dead_workers()
        return batches

    def _next(self, batches: Iterator[Any]) -> tuple[Tensor, Tensor]:
        with pulse.phase("data"), self.interruption.waiting():
            cube, velocity = next(batches)
        return cube, velocity

    def _transferred(
        self, cube: Tensor, velocity: Tensor, which: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The batch on the device, the samples named by ``which`` mirrored."""
        device = self.learner.device
        with pulse.phase("transfer"):
            cube = cube.to(device, non_blocking=True)
            velocity = velocity.to(device, non_blocking=True)
            if which is not None:
                which = which.to(device, non_blocking=True)
                cube, velocity = augmentation.mirror(cube, velocity, which)
        return cube, velocity

    def steps_left(self) -> int:
        samples, job = len(self.data.train), self.job
        return schedule.steps_left(self.place, samples, job.epochs, job.batch_size)

    def _beat(self, step: int, loss: float | None = None) -> None:
        pulse.beat(step=step, total=self.place.step + self.steps_left())
        if loss is not None:
            pulse.gauge("loss", loss)
        self._meter.read()

    def _empty_cache(self) -> None:
        if self.job.empty_cache and self.learner.device.type == "cuda":
            torch.cuda.empty_cache()

    def state(self) -> checkpoint.State:
        """Everything that the run is, in the parts of a checkpoint."""
        return {
            "format": checkpoint.FORMAT,
            "config": resuming.recorded(self.job),
            "samples": self.data.counts,
            "place": dataclasses.asdict(self.place),
            "rng": rng.state(),
            "running": self.watch.state(),
            "best": self.best,
            **self.learner.state(),
        }

    def take(self, found: checkpoint.Found) -> None:
        """Go on from a checkpoint. Raises DataError or UsageError where it is of another run."""
        path, state = found.path, found.state
        resuming.require_same_samples(path, state["samples"], self.data.counts)
        for part, into in self.learner.takers(state).items():
            put(path, part, into, state[part])
        put(path, "rng", rng.restore, state["rng"])
        put(path, "running", self.watch.take, state["running"])
        put(path, "place", lambda place: setattr(self, "place", Place(**place)), state["place"])
        self.best = state["best"]
        best = path.with_name(checkpoint.BEST)
        if best.exists() and path.parent.resolve() != self.job.checkpoints.resolve():
            checkpoint.copy(best, self.job.checkpoints / checkpoint.BEST)
        say(
            f"going on from {path}: epoch {self.place.epoch + 1}, "
            f"{self.place.position} samples into it, step {self.place.step}"
        )

    def _save(self, *, is_best: bool = False) -> None:
        if self._saved == self.place and not is_best:
            return
        with pulse.phase("checkpoint"):
            self.watch.flush()
            with self._holdings.once("checkpoint"):
                checkpoint.save(self.job.checkpoints, self.state(), is_best=is_best)
        self._saved = self.place

    def try_every_phase(self) -> None:
        """A window or some, one validation batch, one checkpoint written and read back."""
        data, job = self.data, self.job
        flips = augmentation.flips(job.seed, 0, len(data.train), job.flip)
        self.learner.network.train()
        batches = self._batches(training=True)
        for _ in range(job.dryrun_moves):
            left = len(data.train) - self.place.position
            if window := min(left, job.batch_size * job.accumulate):
                self._learn_window(batches, window, flips)
        self.watch.flush()
        say(f"dryrun: learned from {self.place.position} samples, loss {self.watch.mean:.1f} m/s")
        self.data = data.only_validating(job.batch_size)
        errors = self._validate()
        say(f"dryrun: validated {errors.samples} samples, MAE {errors.overall:.1f} m/s")
        with pulse.phase("checkpoint"):
            size = checkpoint.try_out(job.checkpoints, self.state())
        say(f"dryrun: wrote a checkpoint of {size / 2**20:.1f} MiB, read it back, removed it")


def _millions(learner: Learner) -> str:
    return f"{sum(p.numel() for p in learner.network.parameters()) / 1e6:.2f}"
