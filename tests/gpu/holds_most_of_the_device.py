"""Holds all but half a GiB of the device, says so, and waits for its input to close."""

import sys

import torch

torch.zeros(1, device="cuda")
free, _ = torch.cuda.mem_get_info()
held = torch.empty(free - (512 << 20), dtype=torch.uint8, device="cuda")
print("holding", flush=True)
sys.stdin.read()
