"""The baselines on two ranks: every weight has a gradient, and both ranks come to the same."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fwi import shares
from fwi.config import Train
from fwi.evaluation import ErrorSums
from fwi.ranks import joined
from fwi.stepping import Learner
from fwi.training import train
from tests.fwi import trees
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


def buffers_when_validated(folder: Path) -> list[float]:
    """What running statistics each epoch's validation was made with."""
    seen: list[float] = []
    add = ErrorSums.add

    def look(sums: ErrorSums, *batch: torch.Tensor) -> None:
        frames = inspect.currentframe()
        assert frames is not None
        assert frames.f_back is not None
        network = frames.f_back.f_locals["network"]
        seen.append(sum(float(b.double().sum()) for b in network.buffers()))
        add(sums, *batch)

    ErrorSums.add = look  # type: ignore[method-assign] # in a fork
    train(
        Train(
            data=folder, checkpoints=folder / "checkpoints", model="hgnet", encoder="hgnetv2_b0",
            epochs=2, batch_size=1, accumulate=1, device="cpu", workers=0, split="random",
            validation_fraction=0.5,
        )
    )  # fmt: skip
    return seen


def test_both_ranks_validate_the_network_that_is_kept(tmp_path: Path) -> None:
    """Without a device each rank normalises by its own batch."""
    for n in range(2):
        trees.write_pair(tmp_path, "FlatVel_A", n, samples=4, dtype=np.float16)
    first, second = together(2, lambda _: buffers_when_validated(tmp_path))
    assert isinstance(first, list), first
    assert len(set(first)) == 2
    assert first == second
