"""Trained networks that predict together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from fwi import config, ensemble, mirroring, trained
from fwi.errors import NonFiniteError, UsageError
from fwi.layout import VELOCITY_MAX, VELOCITY_MIN
from fwi.precision import resolve_device, resolve_precision
from fwi.trained import Trained
from probes import pulse


class Predictor:
    """The networks of ``--checkpoint`` on their device, as one."""

    def __init__(self, job: config.Evaluate) -> None:
        self.device = resolve_device(job.device)
        self.networks = _loaded(job)
        self._combine = job.combine
        self._clip = job.clip
        self._turns = [job.tta and not ensemble.flips_itself(one.network) for one in self.networks]
        self.precisions = [
            resolve_precision(config.Train(dtype=job.dtype, model=one.model), self.device)
            for one in self.networks
        ]
        for one in self.networks:
            one.network.to(self.device)

    @torch.inference_mode()
    def __call__(self, cubes: Tensor) -> Tensor:
        """Seismic cubes, (B, 5, 1000, 70) on the host, → (B, 1, 70, 70) float32 m/s on the device.

        Raises NonFiniteError that names the network whose prediction is not finite.
        """
        with pulse.phase("transfer"):
            cubes = cubes.to(self.device, non_blocking=True)
        predictions = []
        with pulse.phase("forward"):
            mirrored = mirroring.mirrored(cubes) if any(self._turns) else None
            for one, precision, turns in zip(
                self.networks, self.precisions, self._turns, strict=True
            ):
                turned = mirrored if turns else None
                predictions.append(ensemble.averaged(one.network, precision, cubes, turned))
            sound = torch.stack([torch.isfinite(each).all() for each in predictions]).tolist()
        if not all(sound):
            self._refuse(sound.index(False))
        found = ensemble.combine(torch.stack(predictions), self._combine)
        return found.clamp(VELOCITY_MIN, VELOCITY_MAX) if self._clip else found

    def _refuse(self, n: int) -> None:
        precision = self.precisions[n]
        other = "" if precision == "fp32" else ": try --dtype bf16 or fp32"
        raise NonFiniteError(
            f"{self.networks[n].source}: a prediction is not finite in {precision}{other}. "
            "Expected velocities in m/s; are the weights or the records damaged?"
        )


def _loaded(job: config.Evaluate) -> list[Trained]:
    found: list[Trained] = []
    for path in _paths(job.checkpoint):
        found += trained.load(path, model=job.model, encoder=job.encoder)
    return found


def _paths(asked: Sequence[str]) -> list[Path]:
    for one in asked:
        if not Path(one).exists():
            raise UsageError(
                f"--checkpoint {one}: no such file or folder; a run's id, and last, are understood "
                "by `python -m runner`"
            )
    return [Path(one) for one in asked]
