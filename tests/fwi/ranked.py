"""Several ranks for a test: forks of the test's own process, that meet as a launcher's would."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
from collections.abc import Callable, Sequence
from typing import Any

import torch

# What wraps a network for several ranks imports it: once here, and not in every fork.
import torch._dynamo

_FORK = multiprocessing.get_context("fork")
_PATIENCE_S = 100


def together(world: int, do: Callable[[int], Any]) -> list[Any]:
    """What ``do(rank)`` returns in each rank, or the exception that it ended with; a rank that was
    killed leaves the negative number of its signal."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    pipes = [_FORK.Pipe(duplex=False) for _ in range(world)]
    ranks = [
        _FORK.Process(target=_be, args=(rank, world, port, do, pipes[rank][1]))
        for rank in range(world)
    ]
    for rank in ranks:
        rank.start()
    for _, given in pipes:
        given.close()
    found: list[Any] = []
    try:
        for rank, (taken, _) in zip(ranks, pipes, strict=True):
            try:
                found.append(taken.recv() if taken.poll(_PATIENCE_S) else "no answer")
            except EOFError:
                rank.join(_PATIENCE_S)
                found.append(rank.exitcode)
        return found
    finally:
        for rank in ranks:
            rank.kill()
            rank.join()


def _be(rank: int, world: int, port: int, do: Callable[[int], Any], answer: Any) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    torch.set_num_threads(1)
    os.environ.pop("FWI_PULSE", None)
    os.environ.update(
        RANK=str(rank), WORLD_SIZE=str(world), LOCAL_RANK=str(rank), LOCAL_WORLD_SIZE=str(world),
        MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port),
    )  # fmt: skip
    try:
        answer.send(do(rank))
    except BaseException as error:
        # Some exceptions cannot be made again from what they were made of.
        with contextlib.suppress(Exception):
            answer.send((type(error).__name__, str(error)))
    answer.close()
    os._exit(0)


def names(answers: Sequence[Any]) -> list[str]:
    """The names of the exceptions that the ranks ended with."""
    return [one[0] if isinstance(one, tuple) else repr(one) for one in answers]
