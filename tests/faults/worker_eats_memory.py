"""A loader worker moves into the cgroup given and eats memory until the kernel ends it."""

import os
import sys

import torch
from torch.utils.data import DataLoader, Dataset


class Hungry(Dataset):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> torch.Tensor:
        with open(os.path.join(sys.argv[1], "cgroup.procs"), "w") as procs:
            procs.write(str(os.getpid()))
        held = []
        while True:
            held.append(b"x" * (8 << 20))


for _ in DataLoader(Hungry(), num_workers=1):
    pass
