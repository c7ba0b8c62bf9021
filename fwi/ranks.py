"""What the processes of a training run do in common: a thin shell around torch.distributed.

A process that trains alone takes the same calls, and they cost it nothing. Whatever waits for the
other ranks does so in the phase ``ranks``, so that the supervisor can tell a rank that waits from
one that is waited for.
"""

from __future__ import annotations

import contextlib
import datetime
import importlib
import os
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from fwi.errors import DataError, NonFiniteError, ToldElsewhere
from fwi.shares import Member
from probes import pulse

PHASE = "ranks"
_PATIENCE = datetime.timedelta(hours=1)
"""Of a collective; longer than the supervisor's, which looks for the cause and names it."""

T = TypeVar("T")


class Ranks:
    """The processes of a run, seen from one of them. Made by :func:`joined`."""

    def __init__(self, who: Member, host: dist.ProcessGroup | None = None) -> None:
        self.who = who
        self._host = host
        """The group for what lies in host memory, whatever the device."""

    @property
    def is_first(self) -> bool:
        return self.who.rank == 0

    @property
    def are_several(self) -> bool:
        return self.who.world > 1

    def agree(self, number: int) -> int:
        """The greatest of the numbers that the ranks bring, all of which must call."""
        if not self.are_several:
            return number
        box = torch.tensor(number)
        with pulse.phase(PHASE):
            dist.all_reduce(box, dist.ReduceOp.MAX, self._host)
        return int(box)

    def mean(self, value: Tensor, weight: float) -> Tensor:
        """The mean of the ranks' values, a scalar on the device; their weights add up to 1."""
        if not self.are_several:
            return value
        total = value * weight
        with pulse.phase(PHASE):
            dist.all_reduce(total)
        return total

    def add_up(self, sums: Tensor) -> None:
        """Replace the ranks' tensors, of one shape, by their sum."""
        if self.are_several:
            with pulse.phase(PHASE):
                dist.all_reduce(sums)

    def take_buffers_of_the_first(self, network: nn.Module) -> None:
        """Running statistics are each rank's own where they are not taken in common; those of the
        first are what is kept."""
        if not self.are_several:
            return
        with pulse.phase(PHASE):
            for buffer in network.buffers():
                dist.broadcast(buffer, 0)

    def gather(self, mine: T) -> list[T]:
        """What each rank brings, by rank; on all but the first the own alone."""
        if not self.are_several:
            return [mine]
        all_of: list[Any] | None = [None] * self.who.world if self.is_first else None
        with pulse.phase(PHASE):
            dist.gather_object(mine, all_of, group=self._host)
        return [mine] if all_of is None else all_of

    def first(self, do: Callable[[], T]) -> T:
        """What the first rank does for all; its result on all.

        Where it fails there, ToldElsewhere is raised on the others. It is done, and what it wrote
        is there, before any rank goes on.
        """
        if not self.are_several:
            return do()
        told: list[Any] = [None, None]
        if self.is_first:
            try:
                told[0] = do()
            except Exception as error:
                told[1] = (getattr(error, "outcome", None), getattr(error, "exit_code", 1))
                dist.broadcast_object_list(told, group=self._host)
                raise
        with pulse.phase(PHASE):
            dist.broadcast_object_list(told, group=self._host)
        if told[1] is not None:
            raise ToldElsewhere(*told[1])
        result: T = told[0]
        return result

    def on_each_machine(self, do: Callable[[], object]) -> None:
        """What the first rank of each machine does for all there, that of the first machine before
        the others: they may share their files."""
        self.first(do)
        if self.who.place == 0 and not self.is_first:
            do()
        self.agree(0)

    def require_same(self, what: str, mine: Any) -> None:
        """Raise DataError where a rank finds something else than the first does."""
        theirs = self.first(lambda: mine)
        if theirs != mine:
            raise DataError(
                f"rank {self.who.rank} finds {what} {mine}, rank 0 {theirs}: the machines must see "
                "the same files under the same name"
            )

    def wrapped(self, network: nn.Module, device: torch.device) -> nn.Module:
        """The network as it is called in training: its gradients become the ranks' mean, and it
        begins with the first rank's weights. Its buffers, the running statistics of batches among
        them, are the first rank's at each step."""
        if not self.are_several:
            return network
        return nn.parallel.DistributedDataParallel(
            network, device_ids=None if device.type == "cpu" else [device.index]
        )


def has_batch_statistics(network: nn.Module) -> bool:
    """Whether a layer normalises by the statistics of a batch."""
    return any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in network.modules())


def with_common_statistics(network: nn.Module) -> nn.Module:
    """The network with statistics of the batch of all ranks; the names of its state stay."""
    if not has_batch_statistics(network):
        return network
    if any(type(module).__module__.startswith("timm.") for module in network.modules()):
        # timm's own knows its layers that norm and activate in one.
        layers = importlib.import_module("timm.layers")
        converted: nn.Module = layers.convert_sync_batchnorm(network)
        return converted
    synchronised: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
    return synchronised


@contextlib.contextmanager
def joined(who: Member, device: torch.device) -> Iterator[Ranks]:
    """The run's ranks, together until the end of the block. Only the first prints on standard
    output, and what all ranks find alike is told by the first alone."""
    if who.world == 1:
        yield Ranks(who)
        return
    # A start: the others may still be importing.
    with pulse.phase("startup"):
        on_host = device.type == "cpu"
        dist.init_process_group(
            "gloo" if on_host else "nccl",
            timeout=_PATIENCE,
            device_id=None if on_host else device,
        )
        host = dist.group.WORLD if on_host else dist.new_group(backend="gloo", timeout=_PATIENCE)
    with contextlib.ExitStack() as quiet:
        if who.rank:
            nowhere = quiet.enter_context(open(os.devnull, "w"))
            quiet.enter_context(contextlib.redirect_stdout(nowhere))
        try:
            yield Ranks(who, host)
        except NonFiniteError as error:
            if who.rank == 0:
                raise
            raise ToldElsewhere(error.outcome, error.exit_code) from error
    # Not after a failure: a group whose other ranks are gone may wait for them.
    dist.destroy_process_group()
