"""How often a job is looked at, and that it never costs more than it may."""

from __future__ import annotations

import pytest

from runner.sampling import COST_SHARE, CREDIT_S, next_period


@pytest.mark.parametrize(
    ("taken", "cost_s", "credit_s", "expected"),
    [
        # The first come quickly.
        (1, 0.002, 0.05, 0.1),
        (2, 0.002, 0.05, 0.2),
        (4, 0.002, 0.05, 0.8),
        (5, 0.002, 0.05, 1.0),
        (10**6, 0.002, 0.05, 1.0),
        # The credit is used up: 8 ms of a core are 1.6 s of the share.
        (9, 0.008, 0.0, 1.6),
        (9, 0.008, 0.004, 1.0),
        (9, 0.008, -0.002, 2.0),
        # One look that took half a second.
        (1, 0.5, CREDIT_S - 0.5, 190.0),
    ],
)
def test_period(taken: int, cost_s: float, credit_s: float, expected: float) -> None:
    assert next_period(1.0, taken, cost_s, credit_s) == pytest.approx(expected)


@pytest.mark.parametrize("cost_s", [0.001, 0.01, 0.1, 1.0])
@pytest.mark.parametrize("period", [0.05, 1.0, 30.0])
def test_share_is_kept_over_any_time(cost_s: float, period: float) -> None:
    at_s, spent_s, credit_s = 0.0, 0.0, CREDIT_S
    for taken in range(1, 2000):
        # The look itself may overdraw; the wait after it pays.
        assert spent_s <= CREDIT_S + COST_SHARE * at_s + 1e-9
        spent_s += cost_s
        credit_s -= cost_s
        wait_s = next_period(period, taken, cost_s, credit_s)
        credit_s = min(CREDIT_S, credit_s + COST_SHARE * wait_s)
        at_s += wait_s
    assert spent_s <= CREDIT_S + COST_SHARE * at_s + 1e-9
