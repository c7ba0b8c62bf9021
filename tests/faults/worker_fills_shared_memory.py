"""Loader workers send batches that are larger than /dev/shm."""

import torch
from torch.utils.data import DataLoader, Dataset


class Large(Dataset):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.ones(4 << 20)


for _ in DataLoader(Large(), num_workers=1):
    pass
