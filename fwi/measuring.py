"""The measure job: what one configuration really holds, and how fast it is.

Random records of real size come from real files through the real loader. First come two steps whose
tensors are followed; then steps that warm up; then steps that are timed, with nothing following
them. The peaks of the host and of the device are those of the steps that are not followed.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fwi import attribution, config, families
from fwi.attribution import Attribution
from fwi.dataset import Samples, loader
from fwi.layout import CUBE_SHAPE, MAP_SHAPE, VELOCITY_MAX, VELOCITY_MIN
from fwi.models import build
from fwi.precision import resolve_device
from fwi.stepping import Learner
from probes import allocator, files, host, memory_log, procfs, pulse
from probes.allocator import Memory, Meter
from probes.memory_log import Kind, MemoryLog
from probes.memory_tracker import MemoryTracker

_FOLLOWED = 2
_ON_DISK = 8
"""Random samples; the loader reads them again and again."""
_SEEN_S = 0.8
"""Seconds; a profile asks the driver four times a second."""
_LOUD = 5.0
"""Standard deviation of the records, of the order of real ones."""

Batches = Iterator[tuple[Tensor, Tensor]]


def measure(job: config.Measure) -> None:
    """Take the steps and write what they took as JSON to ``job.out``; the peaks of the tensors also
    to ``memory.json`` beside the flight recorder.

    Raises DeviceError for a device that is not there.
    """
    with pulse.phase("startup"):
        device = resolve_device(job.device)
        before = procfs.memory(os.getpid())
        subject = _Training(job, device) if job.mode == "train" else _Inferring(job, device)
    with tempfile.TemporaryDirectory(prefix="measure-") as folder, pulse.phase(job.mode):
        with pulse.phase("startup"):
            batches = _batches(job, device, Path(folder))
        found = _taken(job, device, subject, batches)
        del batches  # ends the loader's workers before their files go
    found["host"]["base"] = before.rss if before else None
    pulse.gauge("samples_per_s", found["samples_per_s"])
    text = json.dumps(found) + "\n"
    if job.out is None:
        print(text, end="", flush=True)
    else:
        files.write_named(job.out, text)


def _taken(
    job: config.Measure, device: torch.device, subject: _Training | _Inferring, batches: Batches
) -> dict[str, Any]:
    """All steps, and what they took. JSON types, bytes and seconds."""
    meter = Meter(device.index)
    log, laps = subject.followed(batches, meter)
    tensors = attribution.summary(log, _FOLLOWED)
    attribution.add_allocator(tensors, log, laps)
    _keep_beside_the_recorder(job, tensors)
    warm, steady = _timed(job, device, meter, lambda: subject.step(*_next(batches, device)))
    return {
        "schema": 1,
        **{name: value for name, value in config.as_dict(job).items() if name != "out"},
        "device": str(device),
        "device_name": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "parameters": sum(p.numel() for p in subject.network.parameters()),
        "tensors": tensors,
        "host": _host(),
        "device_memory": _device(device),
        "seconds": {"warmup": warm, "steady": steady},
        "samples_per_s": job.batch_size / statistics.median(steady),
    }


class _Training:
    """Forward, loss, backward, AdamW, average of the weights: the learner of the train job."""

    def __init__(self, job: config.Measure, device: torch.device) -> None:
        self._options = config.Train(
            model=job.model,
            activation_checkpointing=job.activation_checkpointing,
            ema=config.Train().ema if job.ema else 0.0,
        )
        self._device = device
        self._learner = Learner(self._options, device, job.dtype)
        self.network = self._learner.network.train()
        self._following: Attribution | None = None

    def followed(self, batches: Batches, meter: Meter) -> tuple[MemoryLog, list[Memory]]:
        meter.lap()
        self._following = Attribution(self._learner)
        laps = []
        for _ in range(_FOLLOWED):
            self.step(*_next(batches, self._device))
            laps.append(meter.lap())
        log = self._following.end()
        self._following = None
        return log, [lap for lap in laps if lap is not None]

    def step(self, cube: Tensor, velocity: Tensor) -> None:
        learner, following = self._learner, self._following
        if following is not None:
            following.inputs(cube, velocity)
        predicted = learner.predict(cube)
        learner.add(predicted, velocity, 1.0)
        if following is not None:
            following.added()
        # So small that random targets lead nowhere; every operator runs all the same.
        learner.move(1e-9)
        if following is not None:
            following.moved()


class _Inferring:
    """A forward pass in evaluation, without a graph."""

    def __init__(self, job: config.Measure, device: torch.device) -> None:
        self._device = device
        self.network = build(job.model).to(device).eval()
        self._half = None if job.dtype == "fp32" else config.torch_dtype(job.dtype)

    def followed(self, batches: Batches, meter: Meter) -> tuple[MemoryLog, list[Memory]]:
        meter.lap()
        laps = []
        with MemoryTracker(self.network, "infer") as tracker:
            tracker.mark(Kind.PARAMETERS, dict(self.network.named_parameters()))
            tracker.mark(Kind.BUFFERS, dict(self.network.named_buffers()))
            for _ in range(_FOLLOWED):
                cube, velocity = _next(batches, self._device)
                tracker.mark(Kind.INPUTS, {"cube": cube, "velocity": velocity})
                self.step(cube, velocity)
                del cube, velocity
                tracker.next_step()
                laps.append(meter.lap())
        memory_log.classify(tracker.log)
        return tracker.log, [lap for lap in laps if lap is not None]

    def step(self, cube: Tensor, velocity: Tensor) -> None:
        kind, half = self._device.type, self._half
        with (
            pulse.phase("infer"),
            torch.no_grad(),
            torch.autocast(kind, dtype=half, enabled=half is not None),
        ):
            self.network(cube)


def _batches(job: config.Measure, device: torch.device, folder: Path) -> Batches:
    """Endless batches of random samples, read from files as those of the train job are."""
    random = np.random.default_rng(0)
    family = folder / "FlatVel_A"
    for name, values in (
        ("data", random.normal(0, _LOUD, (_ON_DISK, *CUBE_SHAPE)).astype(np.float16)),
        (
            "model",
            random.uniform(VELOCITY_MIN, VELOCITY_MAX, (_ON_DISK, 1, *MAP_SHAPE)).astype(
                np.float32
            ),
        ),
    ):
        (family / name).mkdir(parents=True)
        np.save(family / name / f"{name}1.npy", values)
    count = job.batch_size * (_FOLLOWED + job.warmup + job.steps)
    order = itertools.islice(itertools.cycle(range(_ON_DISK)), count)
    return iter(
        loader(
            Samples(families.index(folder)),
            batch_size=job.batch_size,
            workers=job.workers,
            device=device,
            sampler=list(order),
        )
    )


def _next(batches: Batches, device: torch.device) -> tuple[Tensor, Tensor]:
    with pulse.phase("data"):
        cube, velocity = next(batches)
    with pulse.phase("transfer"):
        return cube.to(device, non_blocking=True), velocity.to(device, non_blocking=True)


def _timed(
    job: config.Measure, device: torch.device, meter: Meter, step: Callable[[], None]
) -> tuple[list[float], list[float]]:
    """Seconds of the steps that warm up and of those after them. Peaks begin anew before both."""
    procfs.forget_peak_rss()
    on_device = device.type == "cuda"
    meter.lap()
    seconds = []
    for done in range(1, job.warmup + job.steps + 1):
        began = time.monotonic()
        step()
        if on_device:
            torch.cuda.synchronize(device)
        seconds.append(round(time.monotonic() - began, 6))
        pulse.beat(step=done, total=job.warmup + job.steps)
        meter.read()
    if on_device:
        # As it is now, long enough for the driver to be asked: short steps pass between two times.
        meter.read(now=True)
        time.sleep(_SEEN_S)
    return seconds[: job.warmup], seconds[job.warmup :]


def _host() -> dict[str, int | None]:
    """Bytes of this process and of its loader workers."""
    own = os.getpid()
    started = {child.pid for child in multiprocessing.active_children()}
    workers = [one for one in procfs.processes().values() if one.pid in started]
    held = host.tree_memory(workers, with_pss=True)
    return {
        "peak_rss": procfs.peak_rss(own),
        "workers": len(workers),
        "workers_uss": held.uss if workers else 0,
    }


def _device(device: torch.device) -> dict[str, int] | None:
    found = allocator.memory(device.index) if device.type == "cuda" else None
    if found is None:
        return None
    return {"peak_allocated": found.peak_allocated, "peak_reserved": found.peak_reserved}


def _keep_beside_the_recorder(job: config.Measure, tensors: dict[str, Any]) -> None:
    if recorder := os.environ.get(pulse.ENVIRONMENT):
        told = {"model": job.model, "dtype": job.dtype, "mode": job.mode}
        content = {"schema": 1, "job": told, "phases": {}, **tensors}
        files.write_text(Path(recorder).with_name("memory.json"), json.dumps(content) + "\n")
