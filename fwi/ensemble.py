"""Trained networks that predict together: one map of several, and which of them failed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from fwi import config, mirroring, trained
from fwi.errors import DataError
from fwi.layout import CUBE_SHAPE
from fwi.precision import Precision, precision_of


@dataclass(frozen=True)
class Member:
    """A network on its device, in evaluation mode, and how it is asked."""

    network: nn.Module
    model: config.Model
    encoder: str | None
    precision: Precision
    source: str
    """The file, and which of several in it."""
    weights: str
    """A digest of its weights: the same for the same weights, wherever they lie."""
    tta: bool
    """Whether the network is asked about the mirrored record too; not where it does so itself."""


def load(job: config.Infer, device: torch.device) -> list[Member]:
    """Every network in the files of ``job.checkpoint``, in their order.

    The public baselines average with their own flip, as published, unless ``job.tta`` is off; the
    others are asked about the mirrored record (:mod:`fwi.mirroring`).

    Raises UsageError and DataError as :func:`fwi.trained.load` does.
    """
    found = []
    for path in job.checkpoint:
        for one in trained.load(Path(path), model=job.model, encoder=job.encoder):
            network = one.network
            own_flip = flips_itself(network)
            if own_flip:
                network.flip_average = job.tta  # type: ignore[assignment]
            digest = _digest(network)
            network.requires_grad_(False).to(device)
            found.append(
                Member(
                    network,
                    one.model,
                    one.encoder,
                    precision_of(job.dtype, one.model, device),
                    one.source,
                    digest,
                    job.tta and not own_flip,
                )
            )
    return found


def require_shape(members: Sequence[Member], shape: tuple[int, ...], where: Path) -> None:
    """DataError where a network does not take records of ``shape``."""
    wrong = [member for member in members if member.model not in config.REDUCED]
    if shape != CUBE_SHAPE and wrong:
        raise DataError(
            f"{where}: records of shape {shape}; {wrong[0].source} is {wrong[0].model}, which "
            f"takes {CUBE_SHAPE}, the record at full length; only {' and '.join(config.REDUCED)} "
            "takes these"
        )


@torch.inference_mode()
def predict(members: Sequence[Member], cube: Tensor) -> Tensor:
    """Each network's maps of a batch.

    Args:
        cube: (B, 5, 1000, 70) or what a re-pack holds, on the networks' device.
    Returns:
        (networks, B, 70, 70) float32, m/s; what is not finite is handed on.
    """
    turned = mirroring.mirrored(cube) if any(member.tta for member in members) else None
    return torch.stack(
        [
            averaged(member.network, member.precision, cube, turned if member.tta else None)[:, 0]
            for member in members
        ]
    )


def combine(maps: Tensor, how: Literal["median", "mean"]) -> Tensor:
    """Maps of several networks, the networks first, cell by cell to one: (networks, B, 70, 70) →
    (B, 70, 70). The median of an even number is the mean of the middle
    two; torch's own would be the lower of them."""
    if how == "mean" or len(maps) < 3:
        return maps.mean(0)
    ordered = maps.sort(0).values
    half = len(maps) // 2
    return ordered[half] if len(maps) % 2 else (ordered[half - 1] + ordered[half]) / 2


def averaged(
    network: nn.Module, precision: Precision, cube: Tensor, turned: Tensor | None
) -> Tensor:
    """One network's maps of a batch, (B, 1, 70, 70) float32, m/s; with ``turned``, the mirrored
    batch, the mean with its maps mirrored back."""
    found = ask(network, precision, cube)
    return found if turned is None else (found + ask(network, precision, turned).flip(3)) / 2


def flips_itself(network: nn.Module) -> bool:
    """Whether it averages with a flip of its own, as the public baselines do."""
    return hasattr(network, "flip_average")


def ask(network: nn.Module, precision: Precision, cube: Tensor) -> Tensor:
    """One network's maps of a batch, (B, 1, 70, 70) float32, m/s."""
    mixed = precision != "fp32"
    dtype = config.torch_dtype(precision) if mixed else None
    with torch.autocast(cube.device.type, dtype=dtype, enabled=mixed):
        found: Tensor = network(cube)
    return found.float()


def _digest(network: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, value in network.state_dict().items():
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.detach().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
