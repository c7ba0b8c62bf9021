"""The footprint job: what a network's step would allocate, found without running it.

Every configuration takes its steps under fake tensors, which have sizes and no memory: the bytes
are those of the real tensors (the same operators make them), in about a second each, whatever the
batch. In half precision CUDA's casts are followed (:mod:`probes.cuda_autocast`). What the CUDA
allocator would make of the allocations is then replayed.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from fwi import attribution, config
from fwi.attribution import Attribution
from fwi.layout import CUBE_SHAPE, MAP_SHAPE
from fwi.models import build
from fwi.stepping import Learner
from probes import caching_allocator, cuda_autocast, memory_log, procfs, pulse
from probes.memory_log import Kind, MemoryLog
from probes.memory_tracker import MemoryTracker

_STEPS = 2
_CPU = torch.device("cpu")
_GEMM = {"mm", "addmm", "bmm", "baddbmm", "addbmm", "mv", "addmv", "dot", "vdot"}
_CONVOLUTION = {"convolution", "convolution_backward"}
_OF_WEIGHTS = {Kind.PARAMETERS, Kind.BUFFERS, Kind.GRADIENTS, Kind.OPTIMIZER, Kind.EMA}


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What is asked for; a line of standard input where the job is told to ask."""

    model: config.Model
    dtype: config.Precision
    mode: config.Mode
    batch_size: int
    activation_checkpointing: bool = False
    ema: bool = True
    encoder: str | None = None


def footprint(job: config.Footprint) -> None:
    """Print one line of JSON a configuration: model, dtype, mode, batch size, bytes; ``base`` is
    what a process with torch holds before anything is allocated."""
    base = procfs.memory(os.getpid())
    if job.casts == "cuda":
        cuda_autocast.install()
    for done, asked in enumerate(_asked(job), 1):
        print(json.dumps({**of(asked), "base": base.rss if base else None}), flush=True)
        pulse.beat(step=done)


def _asked(job: config.Footprint) -> Iterator[Configuration]:
    if job.ask:
        for line in sys.stdin:
            yield Configuration(**json.loads(line))
        return
    for model, dtype, mode, size in itertools.product(
        job.models, job.dtypes, job.modes, job.batch_sizes
    ):
        yield Configuration(
            model=model,
            dtype=dtype,
            mode=mode,
            batch_size=size,
            activation_checkpointing=job.activation_checkpointing,
            ema=job.ema,
        )


def of(asked: Configuration) -> dict[str, Any]:
    """The footprint of one configuration. In half precision ``cuda_autocast`` must be installed."""
    began = time.monotonic()
    with FakeTensorMode():
        log, network = _trained(asked) if asked.mode == "train" else _inferred(asked)
    held = caching_allocator.replay(log.events)
    return {
        **asdict(asked),
        "parameters": sum(p.numel() for p in network.parameters()),
        **attribution.summary(log, _STEPS),
        "allocator": {"allocated": held.allocated, "reserved": held.reserved},
        "largest_operator": _largest_operator(log),
        "libraries": sorted(_libraries(log.operators)),
        "seconds": round(time.monotonic() - began, 3),
    }


def _trained(asked: Configuration) -> tuple[MemoryLog, torch.nn.Module]:
    options = config.Train(
        model=asked.model,
        encoder=asked.encoder,
        ema=0,
        activation_checkpointing=asked.activation_checkpointing,
    )
    learner = Learner(options, _CPU, asked.dtype)
    # Fake tensors cannot be copied: what the average of the weights holds is made anew.
    average = _built(asked) if asked.ema else None
    follow = Attribution(learner)
    if average is not None:
        follow.extra(Kind.EMA, dict(average.named_parameters()))
        follow.extra(Kind.EMA, dict(average.named_buffers()))
    for _ in range(_STEPS):
        cube, velocity = _batch(asked.batch_size)
        follow.inputs(cube, velocity)
        predicted = learner.predict(cube)
        learner.add(predicted, velocity, 1.0)
        follow.added()
        learner.move(options.lr)
        follow.moved()
        del predicted
    return follow.end(), learner.network


def _inferred(asked: Configuration) -> tuple[MemoryLog, torch.nn.Module]:
    network = _built(asked).eval()
    mixed = asked.dtype != "fp32"
    half = config.torch_dtype(asked.dtype) if mixed else None
    with MemoryTracker(network) as tracker, torch.no_grad():
        tracker.mark(Kind.PARAMETERS, dict(network.named_parameters()))
        tracker.mark(Kind.BUFFERS, dict(network.named_buffers()))
        for _ in range(_STEPS):
            cube, velocity = _batch(asked.batch_size)
            tracker.mark(Kind.INPUTS, {"cube": cube})
            with pulse.phase("infer"), torch.autocast("cpu", dtype=half, enabled=mixed):
                predicted = network(cube)
            tracker.next_step()
            del predicted, cube, velocity
    memory_log.classify(tracker.log)
    return tracker.log, network


def _built(asked: Configuration) -> torch.nn.Module:
    return build(asked.model, **({"encoder": asked.encoder} if asked.encoder else {}))


def _batch(size: int) -> tuple[Tensor, Tensor]:
    with pulse.phase("transfer"):
        cube = torch.empty(size, *CUBE_SHAPE, dtype=torch.float16)
        velocity = torch.empty(size, 1, *MAP_SHAPE)
    return cube, velocity


def _libraries(operators: Iterable[str]) -> Iterator[str]:
    """Which of CUDA's libraries these operators use."""
    names = set(operators)
    if names & _GEMM:
        yield "cublas"
    if names & _CONVOLUTION:
        yield "cudnn"
    if any(name.startswith("_fft_") for name in names):
        yield "cufft"


def _largest_operator(log: MemoryLog) -> int:
    """Bytes of the largest allocation that grows with the batch: a library's workspace grows with
    it too. What is as large as the weights, whatever the batch, says nothing of that."""
    return max((one.size for one in log.allocations if one.kind not in _OF_WEIGHTS), default=0)
