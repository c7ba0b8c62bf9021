"""Asks for two GiB of a device that another process holds."""

import torch

torch.zeros(1, device="cuda")
torch.empty(2 << 30, dtype=torch.uint8, device="cuda")
