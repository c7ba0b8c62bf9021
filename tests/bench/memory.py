"""Tensor bytes of real steps on the CPU: attributed, and predicted without running them."""

from __future__ import annotations

from typing import Any

import torch

from fwi import attribution, config
from fwi.attribution import Attribution
from fwi.config import Model
from fwi.footprint import Configuration, of
from fwi.layout import CUBE_SHAPE, MAP_SHAPE
from fwi.stepping import Learner
from probes import memory_log, pulse
from tests.bench.figure import Figure

_NETWORKS: tuple[Model, ...] = (
    "specproj",
    "specproj-original",
    "specproj-dirac",
    "hgnet",
    "convnext",
)
"""Those that are compared everywhere; the largest takes minutes a step on a CPU."""
_BATCH = 1
_STEPS = 2


def measure() -> list[Figure]:
    off_sum, off_fit = {}, {}
    for name in _NETWORKS:
        real, tracked = _really(name)
        predicted = of(
            Configuration(model=name, dtype="fp32", mode="train", batch_size=_BATCH, ema=False)
        )
        steady = real["steady"]
        off_sum[name] = abs(sum(steady["by_kind"].values()) - tracked) / tracked
        off_fit[name] = abs(predicted["steady"]["bytes"] - tracked) / tracked
    return [
        _worst("attributed kinds, summed, against the tracked peak", off_sum, 0.01),
        _worst("predicted tensor bytes against those of the real steps, fp32, CPU", off_fit, 0.02),
    ]


def _worst(name: str, off: dict[str, float], target: float) -> Figure:
    worst = max(off.values())
    return Figure(
        name,
        100 * worst,
        "% off",
        f"<= {100 * target:g} %",
        worst <= target,
        f"the worst of {len(off)} networks at real input size, batch {_BATCH}, two steps: "
        + ", ".join(f"{network} {100 * value:.3f}" for network, value in off.items()),
    )


def _really(name: Model) -> tuple[dict[str, Any], int]:
    learner = Learner(config.Train(model=name, ema=0), torch.device("cpu"), "fp32")
    follow = Attribution(learner)
    for _ in range(_STEPS):
        with pulse.phase("transfer"):
            cube = torch.zeros(_BATCH, *CUBE_SHAPE, dtype=torch.float16)
            velocity = torch.zeros(_BATCH, 1, *MAP_SHAPE)
        follow.inputs(cube, velocity)
        predicted = learner.predict(cube)
        learner.add(predicted, velocity, 1.0)
        follow.added()
        learner.move(1e-3)
        follow.moved()
        del predicted
    log = follow.end()
    held = peak = 0
    for event in log.events:
        held += event.bytes
        peak = max(peak, held) if event.step == _STEPS - 1 else peak
    assert memory_log.peak(log, steps=[_STEPS - 1]).bytes == peak
    return attribution.summary(log, _STEPS), peak
