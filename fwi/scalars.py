"""A training run's numbers for TensorBoard, where they are asked for (``--tensorboard``)."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fwi.errors import DependencyError
from fwi.evaluation import Errors
from probes import allocator, procfs

_EVERY_S = 0.5
"""Between two points of a curve: a writer that is asked more often costs the job its time."""


def folder(checkpoints: Path) -> Path:
    """Where the event files go: beside the checkpoints, so within the run's own folder."""
    return checkpoints.parent / "tensorboard"


class Scalars:
    """``step`` after each move of the optimizer, ``epoch`` after each validation, ``close``.

    Every call does nothing where no folder is given. Raises DependencyError where the library is
    not installed.
    """

    def __init__(self, into: Path | None, first_step: int = 0) -> None:
        self._writer: Any = _writer(into, first_step) if into is not None else None
        self._next_s = 0.0

    def step(self, step: int, numbers: Mapping[str, float | None]) -> None:
        """Loss, rate, learning rate, as they are known; with what the process holds."""
        now = time.monotonic()
        if self._writer is None or now < self._next_s:
            return
        self._next_s = now + _EVERY_S
        self._add({f"train/{name}": value for name, value in numbers.items()}, step)
        self._add(_memory(), step)

    def epoch(self, step: int, errors: Errors, loss: float | None) -> None:
        """The errors of a validation, and the mean loss of the epoch before it."""
        if self._writer is None:
            return
        found = {f"mae/{name}": error for name, error in errors.by_family.items()}
        found |= {"mae/all": errors.overall, "mae/odd": errors.odd}
        self._add({**found, "train/epoch_loss": loss}, step)
        self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def _add(self, numbers: Mapping[str, float | None], step: int) -> None:
        for name, value in numbers.items():
            if value is not None:
                self._writer.add_scalar(name, value, step)


def _writer(into: Path, first_step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise DependencyError(
            f"--tensorboard: {error}; pip install tensorboard, or leave the option out"
        ) from error
    # What an attempt before this one wrote beyond the checkpoint is not shown.
    return SummaryWriter(str(into), purge_step=first_step or None)


def _memory() -> dict[str, float | None]:
    """MiB of this process, and of its device."""
    own = procfs.stat(os.getpid())
    held = allocator.memory()
    return {
        "memory/host_rss_mib": own.rss / 2**20 if own else None,
        "memory/device_allocated_mib": held.allocated / 2**20 if held else None,
        "memory/device_reserved_mib": held.reserved / 2**20 if held else None,
    }
