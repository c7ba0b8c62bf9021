"""One training run: the loop over epochs, windows and steps, and the state that survives it.

Each epoch goes through the training samples in a seeded order, learning from a window of
``accumulate`` batches at a time, and then validates the average of the weights. Between two windows
the state is whole: there checkpoints are written, and there an interrupted run ends and goes on.

Several processes (``fwi.ranks``) take each step together, and come to the same numbers: what is
decided by them, every rank decides alike.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fwi import augmentation, checkpoint, config, damaged, reporting, resuming, rng, schedule
from fwi.checkpoint import put
from fwi.dataset import EpochOrder
from fwi.evaluation import Errors, ErrorSums
from fwi.feeding import Feed
from fwi.finite import Watch
from fwi.holdings import Holdings
from fwi.interruption import Interrupted
from fwi.ranks import Ranks
from fwi.reporting import say
from fwi.scalars import Scalars
from fwi.schedule import Place
from fwi.stepping import Learner
from probes import pulse
from probes.allocation_history import History
from probes.allocator import Meter

_RECENT = 8
"""Steps whose samples may be at fault: on a device losses are read some steps late."""


class Run:
    """One training run: where it is, what it has learned, how good it has become."""

    def __init__(
        self,
        job: config.Train,
        feed: Feed,
        learner: Learner,
        watch: Watch,
        together: Ranks,
        history: History,
    ) -> None:
        self.job = job
        self.feed = feed
        self.learner = learner
        self.watch = watch
        self.ranks = together
        self.place = Place()
        self.best: float | None = None
        """Lowest validation error so far, m/s."""
        self.since_best = 0
        """Epochs since it was reached."""
        self._saved: Place | None = None
        self._meter = Meter(learner.device.index)
        told = {"model": job.model, "dtype": learner.precision, "batch_size": job.batch_size}
        self._holdings = Holdings(learner, self._meter, told, enabled=together.is_first)
        self._history = history
        self.scalars = Scalars(None)
        self._recent: deque[tuple[int, range]] = deque(maxlen=_RECENT)
        """Epochs and places of the samples, of all ranks, of the newest steps."""
        self._unsound: list[str] = []
        """Families whose validation error is not finite."""
        self._seen = 0
        """Samples that this process and the others have learned from since they began."""

    @property
    def is_over(self) -> bool:
        patience = self.job.patience
        return self.place.epoch >= self.job.epochs or 0 < patience <= self.since_best

    def train(self) -> None:
        """Learn and validate until all epochs are done; a checkpoint at each end of an epoch."""
        if self.place.epoch >= self.job.epochs:
            say(
                f"nothing left to do: all {self.job.epochs} epochs are trained; "
                "ask for more with --epochs"
            )
        try:
            while not self.is_over:
                samples_per_s = self._learn()
                errors = self._validate()
                self._end_epoch(errors, samples_per_s)
            if self.place.epoch < self.job.epochs:
                say(
                    f"stopped after epoch {self.place.epoch}: no better validation MAE than "
                    f"{self.best:.1f} m/s in {self.since_best} epochs (--patience)"
                )
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
        samples = len(self.feed.data.train)
        every = self.job.checkpoint_every
        flips = augmentation.flips(self.job.seed, self.place.epoch, samples, self.job.flip)
        began_at, began_s = self.place.position, time.monotonic()
        self.learner.network.train()
        batches = self.feed.learning(self.place)
        while self.place.position < samples:
            window = min(samples - self.place.position, self.feed.per_step * self.job.accumulate)
            self._learn_window(batches, window, flips)
            rate = (self.place.position - began_at) / (time.monotonic() - began_s)
            pulse.gauge("samples_per_s", rate)
            numbers = {"loss": self.watch.newest, "lr": self.learner.rate, "samples_per_s": rate}
            self.scalars.step(self.place.step, numbers)
            if every and self.place.moves % every == 0 and self.place.position < samples:
                self._save()
            self.feed.interruption.check()
        self.watch.flush()  # waits for the device, so that the time below is the whole time
        self._empty_cache()
        if began_at == samples:
            return None
        return (samples - began_at) / (time.monotonic() - began_s)

    def _learn_window(self, batches: Iterator[Any], window: int, flips: NDArray[np.bool_]) -> None:
        """One move of the optimizer, from ``window`` samples; interrupted, nothing of it."""
        place, learner, feed = self.place, self.learner, self.feed
        epochs, samples = self.job.epochs, len(feed.data.train)
        number, position, end = place.step, place.position, place.position + window
        learner.mark()
        self.watch.mark()
        self._holdings.begin_window()
        try:
            while position < end:
                step = feed.step(position, end)
                self._recent.append((place.epoch, range(position, position + step.samples)))
                number, position = number + 1, position + step.samples
                cube, velocity = feed.next(batches)
                places = step.learned_from
                which = torch.from_numpy(flips[places.start : places.stop])
                cube, velocity = feed.transferred(cube, velocity, which)
                self._holdings.inputs(cube, velocity)
                with learner.adding(is_last=position == end):
                    predicted = learner.predict(cube)
                    loss = learner.add(predicted, velocity, share=len(step.mine) / window)
                self._holdings.added()
                self._seen += step.samples
                self.watch.loss(self.ranks.mean(loss, step.weight), number, step.samples)
                self._beat(number, loss=self.watch.newest)
        except BaseException as error:
            self._holdings.end()
            if isinstance(error, Interrupted):
                learner.rewind()
                self.watch.rewind()
            raise
        rate = schedule.learning_rate(
            schedule.progress(place, window, samples, epochs), self.job.lr, self.job.warmup
        )
        self.watch.norm(learner.move(rate), number)
        self._holdings.moved()
        self._history.window(say)
        pulse.gauge("lr", rate)
        self.place = Place(place.epoch, position, number, place.moves + 1)

    def _validate(self) -> Errors:
        """The errors of the averaged network, the same on all ranks, on every validation sample,
        each counted once."""
        data = self.feed.data
        sums = ErrorSums(data.families, self.learner.device)
        network = self.learner.validated.eval()
        self.ranks.take_buffers_of_the_first(network)
        self._holdings.end()
        with pulse.phase("evaluate"), rng.kept(), torch.no_grad():
            for step, batch in self.feed.validating():
                if batch is not None:
                    cube, velocity = batch
                    with self._holdings.once("evaluate"):
                        with self.learner.autocast():
                            predicted = network(cube)
                        numbers = data.validation_families[step.mine.start : step.mine.stop]
                        sums.add(predicted, velocity, numbers)
                self._beat(self.place.step)
            self.ranks.add_up(sums.sums)
            errors = sums.result()
        self._unsound = [name for name, e in errors.by_family.items() if not math.isfinite(e)]
        self.watch.error(errors.overall, self.place.step)
        self._empty_cache()
        return errors

    def damaged(self) -> str | None:
        """Which sample is no number, of those that the newest step or validation was of."""
        data = self.feed.data
        if self._unsound:
            bad = torch.tensor([data.families.index(name) for name in self._unsound])
            of_these = torch.isin(data.validation_families, bad).nonzero().flatten().tolist()
            return damaged.first(data.validation, of_these, lambda: self._beat(self.place.step))
        for epoch, places in self._recent:
            learned = EpochOrder(len(data.train), self.job.seed, epoch).at(places)
            if (found := damaged.first(data.train, learned)) is not None:
                return found
        return None

    def _end_epoch(self, errors: Errors, samples_per_s: float | None) -> None:
        is_best = self.best is None or errors.overall < self.best
        self.best = errors.overall if is_best else self.best
        self.since_best = 0 if is_best else self.since_best + 1
        reporting.epoch(
            self.job,
            self.place,
            len(self.feed.data.train),
            self.watch.mean,
            errors,
            samples_per_s,
            self.feed.per_step,
        )
        self.scalars.epoch(self.place.step, errors, self.watch.mean)
        self.place = dataclasses.replace(self.place, epoch=self.place.epoch + 1, position=0)
        self.watch.new_epoch()
        self._save(is_best=is_best)
        self.feed.interruption.check()

    def steps_left(self) -> int:
        samples, epochs = len(self.feed.data.train), self.job.epochs
        return schedule.steps_left(self.place, samples, epochs, self.feed.per_step)

    def _beat(self, step: int, loss: float | None = None) -> None:
        pulse.beat(step=step, total=self.place.step + self.steps_left())
        pulse.gauge("samples", self._seen)
        if loss is not None:
            pulse.gauge("loss", loss)
        self._meter.read()

    def _empty_cache(self) -> None:
        if self.job.empty_cache and self.learner.device.type == "cuda":
            torch.cuda.empty_cache()

    def state(self) -> checkpoint.State:
        """Everything that the run is, in the parts of a checkpoint; whole on the first rank. All
        ranks must ask."""
        generators = self.ranks.gather(rng.state())
        return {
            "format": checkpoint.FORMAT,
            "config": resuming.recorded(self.job),
            "samples": self.feed.data.counts,
            "place": dataclasses.asdict(self.place),
            "rng": generators[0],
            "rng_of_others": generators[1:],
            "processes": self.ranks.who.world,
            "running": self.watch.state(),
            "best": self.best,
            "since_best": self.since_best,
            **self.learner.state(),
        }

    def take(self, found: checkpoint.Found) -> None:
        """Go on from a checkpoint. Raises DataError or UsageError where it is of another run."""
        path, state = found.path, found.state
        resuming.require_same_samples(path, state["samples"], self.feed.data.counts)
        for part, into in self.learner.takers(state).items():
            put(path, part, into, state[part])
        if (generators := resuming.generators(state, self.ranks.who.rank)) is not None:
            put(path, "rng", rng.restore, generators)
        put(path, "running", self.watch.take, state["running"])
        put(path, "place", lambda place: setattr(self, "place", Place(**place)), state["place"])
        self.best = state["best"]
        self.since_best = int(state.get("since_best", 0))
        self.ranks.first(lambda: resuming.bring_best(path, self.job.checkpoints))
        if changed := resuming.other_processes(state, self.job, self.ranks.who.world):
            say(changed)
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
                state = self.state()
                self.ranks.first(
                    lambda: checkpoint.save(self.job.checkpoints, state, is_best=is_best)
                )
        self._saved = self.place

    def try_every_phase(self) -> None:
        """A window or some, one validation batch, one checkpoint written and read back."""
        data, job = self.feed.data, self.job
        flips = augmentation.flips(job.seed, 0, len(data.train), job.flip)
        self.learner.network.train()
        batches = self.feed.learning(self.place)
        for _ in range(job.dryrun_moves):
            left = len(data.train) - self.place.position
            if window := min(left, self.feed.per_step * job.accumulate):
                self._learn_window(batches, window, flips)
        self.watch.flush()
        say(f"dryrun: learned from {self.place.position} samples, loss {self.watch.mean:.1f} m/s")
        self.feed.data = data.only_validating(self.feed.per_step)
        errors = self._validate()
        say(f"dryrun: validated {errors.samples} samples, MAE {errors.overall:.1f} m/s")
        with pulse.phase("checkpoint"):
            state = self.state()
            size = self.ranks.first(lambda: checkpoint.try_out(job.checkpoints, state))
        say(f"dryrun: wrote a checkpoint of {size / 2**20:.1f} MiB, read it back, removed it")
