"""The optimizer is torch's, without torch's compiler."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from fwi.optimizer import AdamW

FRESH = """
import sys
import torch
from fwi.optimizer import AdamW
layer = torch.nn.Linear(3, 2)
optimizer = AdamW(layer.parameters(), lr=0.1, fused=True)
scaler = torch.amp.GradScaler("cpu")
for _ in range(2):
    scaler.scale(layer(torch.ones(1, 3)).sum()).backward()
    scaler.unscale_(optimizer)
    torch.nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
    scaler.step(optimizer)
    scaler.update()
    optimizer.zero_grad(set_to_none=True)
optimizer.load_state_dict(optimizer.state_dict())
print(sorted(name for name in sys.modules if name.startswith("torch._dynamo")))
"""


def network() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 1))


def moves(net: nn.Module, optimizer: torch.optim.Optimizer, count: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        optimizer.zero_grad()
        net(torch.randn(6, 5, generator=generator)).square().mean().backward()
        optimizer.step()


@pytest.mark.parametrize("fused", [True, False])
def test_weights_and_state_are_those_of_torch_to_the_last_bit(fused: bool) -> None:
    ours, theirs = network(), network()
    groups = [
        [
            {"params": [p for p in net.parameters() if p.ndim == 2], "weight_decay": 0.1},
            {"params": [p for p in net.parameters() if p.ndim == 1], "weight_decay": 0.0},
        ]
        for net in (ours, theirs)
    ]
    one = AdamW(groups[0], lr=0.01, fused=fused)
    other = torch.optim.AdamW(groups[1], lr=0.01, fused=fused)
    moves(ours, one, 4, 7)
    moves(theirs, other, 4, 7)
    # Each goes on with what the other has kept.
    saved = one.state_dict(), other.state_dict()
    one.load_state_dict(saved[1])
    other.load_state_dict(saved[0])
    moves(ours, one, 3, 8)
    moves(theirs, other, 3, 8)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)
    assert one.state_dict()["param_groups"] == other.state_dict()["param_groups"]


def test_no_gradient_is_kept_of_a_move() -> None:
    net = network()
    optimizer = AdamW(net.parameters(), lr=0.01)
    net(torch.ones(1, 5)).sum().backward()
    optimizer.step()
    assert torch.is_grad_enabled()
    assert all(p.is_leaf and p.grad_fn is None for p in net.parameters())
    assert isinstance(optimizer, torch.optim.AdamW)


def test_compiler_of_torch_is_not_imported_for_it() -> None:
    """Fails where a new torch asks for its compiler in another way: it costs 70 MiB a process."""
    told = subprocess.run(
        [sys.executable, "-c", FRESH], capture_output=True, text=True, timeout=120, check=True
    )
    assert told.stdout.strip() == "[]", told.stdout
