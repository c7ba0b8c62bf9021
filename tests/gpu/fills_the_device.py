"""Holds more and more device memory until there is no more."""

import torch

held = []
while True:
    held.append(torch.empty(256 << 20, dtype=torch.uint8, device="cuda"))
