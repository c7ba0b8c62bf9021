"""A real training run of a narrow network that goes wrong where it is told to.

``train_that_fails.py HOW MARK train …``: HOW names the fault, MARK is a file that is made when the
fault has happened, for those that happen once, or the folder of a memory cgroup.
"""

import functools
import os
import sys
import time
from pathlib import Path

import torch
from torch.utils.data import get_worker_info

import fwi.models
from fwi.models import build

fwi.models.build = functools.partial(build, width=16, attention=1)

from fwi import stepping  # noqa: E402
from fwi.__main__ import main  # noqa: E402
from fwi.dataset import Samples  # noqa: E402

RANKS = "both-ranks-run-out-and-one-hangs"
how, mark = sys.argv[1], Path(sys.argv[2])
add, move = stepping.Learner.add, stepping.Learner.move
moves = 0

# torch 2.6's own words; only the sizes depend on the batch.
OOM = (
    "CUDA out of memory. Tried to allocate {0}.00 MiB. GPU 0 has a total capacity of 14.74 GiB of "
    "which 10.12 MiB is free. Process 4242 has 14.72 GiB memory in use. Of the allocated memory "
    "14.50 GiB is allocated by PyTorch, and 98.06 MiB is reserved by PyTorch but unallocated."
)


def failing_add(learner, predicted, velocity, share):
    batch = len(predicted)
    if how in ("holds-two-samples", RANKS) and batch > 2 and moves >= 1:
        raise torch.OutOfMemoryError(OOM.format(64 * batch))
    if how == "holds-nothing":
        raise torch.OutOfMemoryError(OOM.format(64))
    loss = add(learner, predicted, velocity, share)
    if how == "nan-in-fp16" and learner._dtype is torch.float16:
        return loss * torch.nan
    return loss


def failing_move(learner, rate):
    global moves
    moves += 1
    hangs = how == "hangs-once" or (how == RANKS and os.environ["RANK"] == "1")
    if hangs and moves == 3 and not mark.exists():
        mark.touch()
        time.sleep(3600)
    return move(learner, rate)


def greedy_read(samples, positions):
    """In a loader worker: eat memory in the cgroup that MARK names, until the kernel ends it."""
    if how == "workers-eat-memory" and get_worker_info() is not None:
        (mark / "cgroup.procs").write_text(str(os.getpid()))
        held = []
        while True:
            held.append(b"x" * (8 << 20))
    return read(samples, positions)


read, Samples.__getitems__ = Samples.__getitems__, greedy_read
stepping.Learner.add, stepping.Learner.move = failing_add, failing_move

if __name__ == "__main__":
    sys.exit(main(sys.argv[3:]))
