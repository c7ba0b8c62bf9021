"""A loader worker waits for a lock that the main process holds. ``fork``: taken by a thread when
the worker was forked, so that nobody in the worker can let it go. ``spawn``: one that is shared."""

import multiprocessing
import os
import sys
import threading

import torch
from torch.utils.data import DataLoader, Dataset

from probes import pulse


class Locked(Dataset):
    def __init__(self, lock) -> None:
        self.lock = lock

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> torch.Tensor:
        if index > 0:
            print("culprit", os.getpid(), flush=True)
            self.lock.acquire()
        return torch.zeros(1)


if __name__ == "__main__":
    way = sys.argv[1]
    context = multiprocessing.get_context(way)
    lock = threading.Lock() if way == "fork" else context.Lock()
    lock.acquire()
    pulse.attach()
    batches = iter(DataLoader(Locked(lock), num_workers=1, multiprocessing_context=context))
    next(batches)
    with pulse.phase("data"):
        next(batches)
