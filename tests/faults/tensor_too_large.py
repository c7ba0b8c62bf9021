"""Asks torch for a tensor that does not fit into memory."""

import resource

import torch

resource.setrlimit(resource.RLIMIT_AS, (24 << 30, 24 << 30))
torch.empty(1 << 40)
