"""The baselines on two ranks: every weight has a gradient, and both ranks come to the same."""

from __future__ import annotations

import os
from typing import Any

import pytest
import torch

from fwi import shares
from fwi.config import Train
from fwi.ranks import joined
from fwi.stepping import Learner
from tests.fwi.ranked import together

CPU = torch.device("cpu")


def two_moves(rank: int, options: dict[str, Any], shape: tuple[int, ...]) -> dict[str, Any]:
    """What the network is after two moves; the second would find out a weight without gradient."""
    with joined(shares.member(os.environ), CPU) as ranks:
        learner = Learner(Train(device="cpu", **options), CPU, "fp32", ranks)
        before = {name: value.clone() for name, value in learner.network.named_parameters()}
        data = torch.Generator().manual_seed(rank)
        for _ in range(2):
            cube = torch.randn(1, *shape, generator=data)
            velocity = 1500 + 3000 * torch.rand(1, 1, 70, 70, generator=data)
            predicted = learner.predict(cube)
            learner.add(predicted, velocity, 0.5)
            without = [name for name, p in learner.network.named_parameters() if p.grad is None]
            norm = learner.move(1e-3)
        after = dict(learner.network.named_parameters())
        still = [name for name in before if torch.equal(before[name], after[name])]
        sums = torch.stack([value.detach().double().sum() for value in after.values()])
        return {"without": without, "still": still, "norm": float(norm), "sums": sums.tolist()}


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"model": "hgnet", "encoder": "hgnetv2_b0"}, (5, 72, 72)),
        ({"model": "convnext", "encoder": "convnext_atto"}, (5, 1000, 70)),
        (
            {"model": "convnext", "encoder": "convnext_atto", "activation_checkpointing": True},
            (5, 1000, 70),
        ),
        ({"model": "caformer", "encoder": "caformer_s18"}, (5, 1000, 70)),
    ],
    ids=["hgnet", "convnext", "convnext, recomputed", "caformer"],
)
def test_two_ranks_move_every_weight_to_the_same(
    options: dict[str, Any], shape: tuple[int, ...]
) -> None:
    first, second = together(2, lambda rank: two_moves(rank, options, shape))
    assert isinstance(first, dict), first
    assert (first["without"], first["still"]) == ([], [])
    assert first["norm"] > 0
    assert first == second
