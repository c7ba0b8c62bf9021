"""A loader worker dies: ``exit`` without a word, or of the signal given."""

import os
import resource
import sys

import torch
from torch.utils.data import DataLoader, Dataset


class Deadly(Dataset):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> torch.Tensor:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if sys.argv[1] == "exit":
            os._exit(1)
        os.kill(os.getpid(), int(sys.argv[1]))
        return torch.zeros(1)


for _ in DataLoader(Deadly(), num_workers=1):
    pass
