"""Loss and gradient norm on their way to the host, and the check that they are finite.

On a device they are read two steps late, from page-locked memory behind an event, so that no step
waits for the device; on the CPU at once. ``flush`` reads what is left: before a checkpoint, so that
none is written of a run that is broken.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from fwi.errors import NonFiniteError
from fwi.precision import Precision
from probes import pulse

SKIPS_ALLOWED = 40
"""Moves in a row that a gradient scale may skip. It halves each time: 2^16 has become 2^-24, and
what is still not finite is no overflow."""
_LAG = 6
"""Readings under way: mark, loss and norm of two steps."""


class Watch:
    """Reads losses and norms, keeps the epoch's mean loss, raises NonFiniteError."""

    def __init__(self, device: torch.device, precision: Precision) -> None:
        self._lag = _LAG if device.type == "cuda" else 0
        self._precision = precision
        self._under_way: deque[Callable[[], None]] = deque()
        self._skipped = 0
        self._marked: tuple[float | None, float, int] = (None, 0.0, 0)
        self.newest: float | None = None
        """The newest loss that has been read, m/s."""
        self._total = 0.0
        """Sum over the epoch's samples of their batch's loss, m/s."""
        self._samples = 0

    @property
    def mean(self) -> float | None:
        """The mean loss of the epoch's samples that have been read, m/s."""
        return self._total / self._samples if self._samples else None

    def loss(self, value: Tensor, step: int, samples: int) -> None:
        """Take the loss of a batch of ``samples``, a scalar tensor in m/s."""
        read = _reader(value)

        def take() -> None:
            loss = read()
            if not math.isfinite(loss):
                raise NonFiniteError(self._of_loss(step, loss), self._advice())
            self.newest = loss
            self._total += loss * samples
            self._samples += samples

        self._put(take)

    def norm(self, value: Tensor, step: int) -> None:
        """Take the norm of the gradients of a move, a scalar tensor."""
        read = _reader(value)

        def take() -> None:
            norm = read()
            if math.isfinite(norm):
                self._skipped = 0
                return
            self._skipped += 1
            if self._precision != "fp16" or self._skipped > SKIPS_ALLOWED:
                raise NonFiniteError(self._of_norm(step, norm), self._advice())

        self._put(take)

    def error(self, value: float, step: int) -> None:
        """Take a validation error in m/s."""
        if not math.isfinite(value):
            raise NonFiniteError(
                f"the validation error after step {step} is {value} in {self._precision}: a "
                "prediction or a velocity map is not finite",
                self._advice(),
            )

    def flush(self) -> None:
        """Read everything that is under way."""
        while self._under_way:
            self._under_way.popleft()()

    def mark(self) -> None:
        """Remember this point; it is reached when all before it has been read."""

        def take() -> None:
            self._marked = (self.newest, self._total, self._samples)

        self._put(take)

    def rewind(self) -> None:
        """Go back to the mark."""
        self.flush()
        self.newest, self._total, self._samples = self._marked

    def new_epoch(self) -> None:
        self.flush()
        self._total, self._samples = 0.0, 0

    def state(self) -> dict[str, Any]:
        """The part ``running`` of a checkpoint."""
        return {"newest": self.newest, "total": self._total, "samples": self._samples}

    def take(self, saved: dict[str, Any]) -> None:
        """Go on from a checkpoint's part ``running``."""
        self.newest = saved["newest"]
        self._total, self._samples = float(saved["total"]), int(saved["samples"])

    def _put(self, take: Callable[[], None]) -> None:
        self._under_way.append(take)
        while len(self._under_way) > self._lag:
            self._under_way.popleft()()

    def _of_loss(self, step: int, loss: float) -> str:
        before = f"; the one before was {self.newest:.1f} m/s" if self.newest is not None else ""
        return f"the loss of step {step} is {loss} in {self._precision}{before}"

    def _of_norm(self, step: int, norm: float) -> str:
        times = f", {self._skipped} moves in a row" if self._skipped > 1 else ""
        return f"the gradients of step {step} have norm {norm} in {self._precision}{times}"

    def _advice(self) -> str:
        other = "" if self._precision == "fp32" else ", or --dtype bf16 or fp32"
        first = "" if self.newest is not None else "; or look for samples that are not finite"
        return (
            "Expected a finite number: go on from the last checkpoint with --resume and a smaller "
            f"--lr{other}{first}"
        )


def _reader(value: Tensor) -> Callable[[], float]:
    """Reads a scalar later; a copy to page-locked memory is queued on the device now."""
    if value.device.type != "cuda":
        return lambda: float(value.item())
    copied = value.to("cpu", non_blocking=True)
    arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
    arrived.record()

    def read() -> float:
        with pulse.phase("device"):
            arrived.synchronize()
        return float(copied.item())

    return read
