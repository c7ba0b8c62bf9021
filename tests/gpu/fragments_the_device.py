"""Fills the device with small blocks, lets every other one go, and asks for a quarter of what was
let go in one piece. Blocks of 8 MiB share segments of 20 MiB, and a segment in use is not given
back."""

import torch

held = []
try:
    while True:
        held.append(torch.empty(8 << 20, dtype=torch.uint8, device="cuda"))
except torch.cuda.OutOfMemoryError:
    del held[::2]
torch.empty(len(held) * (8 << 20) // 4, dtype=torch.uint8, device="cuda")
