"""A loader worker sleeps, and the main process waits for its batch."""

import time

import torch
from torch.utils.data import DataLoader, Dataset

from probes import pulse


class Sleepy(Dataset):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> torch.Tensor:
        time.sleep(3600)
        return torch.zeros(1)


pulse.attach()
with pulse.phase("data"):
    for _ in DataLoader(Sleepy(), num_workers=1):
        pass
