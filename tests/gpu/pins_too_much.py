"""Asks for more page-locked memory than any host has."""

import torch

torch.zeros(1, device="cuda")
torch.empty(1 << 46, dtype=torch.uint8, pin_memory=True)
