"""A loader worker meets an ordinary error."""

import torch
from torch.utils.data import DataLoader, Dataset


class Wrong(Dataset):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> torch.Tensor:
        return {"image": torch.zeros(1)}["label"]


for _ in DataLoader(Wrong(), num_workers=1):
    pass
