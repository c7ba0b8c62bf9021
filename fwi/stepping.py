"""What learns: the network, the average of its weights, the optimizer and the gradient scale."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from fwi import config, rng, weights
from fwi.models import build
from fwi.optimizer import AdamW
from fwi.precision import Precision
from fwi.ranks import Ranks, with_common_statistics
from fwi.shares import Member
from probes import pulse

_BETWEEN_SEEDS = 0x9E3779B97F4A7C15
_Tensors = tuple[Tensor, ...] | list[Tensor]

UNIT = 1500.0
"""m/s; gradients are those of the L1 loss in this unit, half the range of velocities, so that
norms are of the order of 1, ``--clip 3`` meets outliers only, and fp16 need not be scaled twice."""


class Learner:
    """Forward, loss, backward; then optimizer and average. Seeds all random generators.

    ``add`` is called for each batch of a window, then ``move`` once. Of several ranks all have the
    same weights at the start, gradients, and so the same weights after each move.
    """

    def __init__(
        self,
        job: config.Train,
        device: torch.device,
        precision: Precision,
        ranks: Ranks | None = None,
    ) -> None:
        rng.seed(job.seed)
        self.device = device
        self._ranks = ranks or Ranks(Member())
        self.precision = precision
        self.is_compiled = job.compile
        self.network = build(job.model, **_options(job))
        if job.weights is not None:
            weights.load_into(self.network, job.weights)
        if device.type != "cpu":  # fake tensors cannot be moved to where they are
            self.network.to(device)
            if self._ranks.are_several:
                self.network = with_common_statistics(self.network)
        if job.channels_last:
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._channels_last = job.channels_last
        self.average = _average(self.network, job.ema) if job.ema else None
        self.optimizer = _adamw(self.network, job.lr, job.weight_decay)
        self.scaler = torch.amp.GradScaler(device.type, enabled=precision == "fp16")
        self._dtype = config.torch_dtype(precision)
        self._clip = job.clip or torch.inf
        self._marked: tuple[dict[str, Any], list[Tensor]] | None = None
        if job.compile:
            self.network.compile()
        self._trained = self._ranks.wrapped(self.network, device)
        if not self._ranks.is_first:
            # Weights and order are those of all ranks; what a layer drops is each rank's own.
            rng.seed((job.seed + _BETWEEN_SEEDS * self._ranks.who.rank) % 2**63)

    @property
    def validated(self) -> nn.Module:
        """The network that is validated: the average of the weights where there is one."""
        return self.network if self.average is None else self.average.module

    @property
    def rate(self) -> float:
        """The learning rate of the newest move."""
        return float(self.optimizer.param_groups[0]["lr"])

    def autocast(self) -> torch.autocast:
        mixed = self._dtype is not torch.float32
        return torch.autocast(self.device.type, dtype=self._dtype if mixed else None, enabled=mixed)

    def predict(self, cube: Tensor) -> Tensor:
        """(B, 5, 1000, 70) → (B, 1, 70, 70) float32 m/s, with the graph for a backward pass."""
        if self._channels_last:
            cube = cube.contiguous(memory_format=torch.channels_last)
        with pulse.phase("forward"), self.autocast():
            predicted: Tensor = self._trained(cube)
        return predicted

    def adding(self, *, is_last: bool) -> contextlib.AbstractContextManager[None]:
        """Around :meth:`predict` and :meth:`add`: the gradients of all ranks are brought together
        with those of the window's last batch."""
        if is_last or not isinstance(self._trained, nn.parallel.DistributedDataParallel):
            return contextlib.nullcontext()
        return self._trained.no_sync()

    def add(self, predicted: Tensor, velocity: Tensor, share: float) -> Tensor:
        """Add the gradients of a batch's L1, which is ``share`` of the window of all ranks.

        Returns the mean absolute error of the batch in m/s, a scalar on the device.
        """
        with pulse.phase("loss"):
            loss = F.l1_loss(predicted.float(), velocity)
        with pulse.phase("backward"):
            # What brings the ranks' gradients together divides them by the number of ranks.
            scaled = self.scaler.scale(loss * (share * self._ranks.who.world / UNIT))
            scaled.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def move(self, rate: float) -> Tensor:
        """One move of the optimizer and of the average with the gradients that were added.

        Returns the norm of all gradients before clipping, a scalar on the device. Where it is not
        finite, a gradient scale (fp16) skips the move and shrinks.
        """
        with pulse.phase("optimizer"):
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            self.scaler.unscale_(self.optimizer)
            norm = nn.utils.clip_grad_norm_(self.network.parameters(), self._clip)
            self.scaler.step(self.optimizer)
            self.scaler.update()
            self.optimizer.zero_grad(set_to_none=True)
        if self.average is not None:
            with pulse.phase("ema"):
                self.average.update_parameters(self.network)
        return norm

    def mark(self) -> None:
        """Remember what a window changes before its move: random states and running statistics."""
        self._marked = rng.state(), [buffer.clone() for buffer in self.network.buffers()]

    def rewind(self) -> None:
        """Undo a window that was cut short, back to the mark."""
        self.optimizer.zero_grad(set_to_none=True)
        if self._marked is not None:
            state, buffers = self._marked
            rng.restore(state)
            for buffer, kept in zip(self.network.buffers(), buffers, strict=True):
                buffer.copy_(kept)

    def state(self) -> dict[str, Any]:
        """The checkpoint's parts ``model``, ``ema``, ``optimizer`` and ``scaler``."""
        return {
            "model": self.network.state_dict(),
            "ema": None if self.average is None else self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
        }

    def takers(self, saved: Mapping[str, Any]) -> dict[str, Any]:
        """Part → what takes it back from a checkpoint."""
        takers: dict[str, Any] = {
            "model": self.network.load_state_dict,
            "optimizer": self._take_optimizer,
        }
        if self.average is not None:
            takers["ema"] = self.average.load_state_dict
        # Empty where the checkpoint's run had another precision.
        if self.scaler.is_enabled() and saved["scaler"]:
            takers["scaler"] = self.scaler.load_state_dict
        return takers

    def _take_optimizer(self, saved: dict[str, Any]) -> None:
        decays = [group["weight_decay"] for group in self.optimizer.param_groups]
        self.optimizer.load_state_dict(saved)
        # The options of this job hold, not those that the checkpoint was made with.
        for group, decay in zip(self.optimizer.param_groups, decays, strict=True):
            group["weight_decay"] = decay


def _options(job: config.Train) -> dict[str, Any]:
    """What the network is built with; its own defaults are left out."""
    asked = {
        "recompute": job.activation_checkpointing,
        "encoder": job.encoder,
        "pretrained": job.pretrained,
        "encoder_weights": job.encoder_weights,
    }
    return {name: value for name, value in asked.items() if value}


def _adamw(network: nn.Module, rate: float, decay: float) -> AdamW:
    """AdamW that decays matrices and kernels only: biases, norms and wave speeds have a meaning
    that does not tend to 0. Fused: on a device it takes the gradient scale without waiting."""
    kernels = [p for p in network.parameters() if p.ndim >= 2]
    others = [p for p in network.parameters() if p.ndim < 2]
    groups = [
        {"params": kernels, "weight_decay": decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return AdamW([group for group in groups if group["params"]], lr=rate, fused=True)


def _average(network: nn.Module, decay: float) -> AveragedModel:
    """torch's average of weights, with a decay that grows to ``decay`` over the first moves.

    The plain average of decay 0.99 would still be half made of the initial weights after 69
    moves; min(decay, (1 + n) / (10 + n)) is TensorFlow's ExponentialMovingAverage with num_updates.
    """

    def update(averages: _Tensors, current: _Tensors, _: Tensor | int) -> None:
        # The count that is handed in lies on the device; the module's own does not.
        n = int(average.n_averaged)
        now = min(decay, (1 + n) / (10 + n))
        get_ema_multi_avg_fn(now)(averages, current, n)  # type: ignore[no-untyped-call]

    average = AveragedModel(network, multi_avg_fn=update)
    return average.requires_grad_(False).eval()
