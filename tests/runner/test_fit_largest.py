"""How ``fit`` looks for the largest batch of a card. No footprint is found."""

from __future__ import annotations

from typing import Any

import pytest

from runner import fit, prediction
from runner.cards import CARDS

MIB, GIB = 1 << 20, 1 << 30
T4 = CARDS["t4"]


def footprint(batch: int, *, base: int, sample: int) -> dict[str, Any]:
    """Of an inference whose tensors are small beside what does not grow with them."""
    held = base + sample * batch
    return {
        "batch_size": batch,
        "steady": {"bytes": held, "by_phase": {"infer": held}},
        "allocator": {"allocated": held, "reserved": held + 40 * MIB},
        "largest_operator": sample * batch // 3,
        "libraries": ["cublas", "cudnn"],
        "model": "inversionnet",
        "mode": "infer",
        "dtype": "fp16",
    }


def fits(batch: int, **sizes: int) -> bool:
    return prediction.predict(footprint(batch, **sizes), T4).total.most <= T4.memory


@pytest.mark.parametrize("listed", [(), (16,), (1, 64), (600, 700)])
@pytest.mark.parametrize(
    "sizes",
    [
        {"base": 50 * MIB, "sample": 12 * MIB},
        {"base": 10 * MIB, "sample": 2 * MIB},
        {"base": 500 * MIB, "sample": 100 * MIB},
        {"base": 5 * GIB, "sample": 900 * MIB},
    ],
    ids=str,
)
def test_answer_fits_and_a_tenth_more_does_not_whatever_is_listed(
    sizes: dict[str, int], listed: tuple[int, ...]
) -> None:
    by_size = {batch: footprint(batch, **sizes) for batch in (2, 4, 8, *listed)}
    turns = 0
    for turn in range(fit.TURNS + 1):
        batch = fit.candidate(by_size, T4, None, turn)
        if batch in {0, *by_size}:
            break
        by_size[batch] = footprint(batch, **sizes)
        turns += 1
    answer = prediction.confirmed(
        [(batch, prediction.predict(one, T4)) for batch, one in by_size.items()], T4
    )
    assert fits(answer, **sizes)
    assert not fits(int(answer * 1.11) + 1, **sizes), (answer, turns)
