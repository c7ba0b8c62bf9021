"""How often a job is looked at, and that it never costs more than it may."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import pytest

from probes import device, host, procfs
from probes.pulse import Pulse
from runner.sampling import COST_SHARE, CREDIT_S, Job, Sampler, next_period


@pytest.mark.parametrize(
    ("taken", "cost_s", "credit_s", "expected"),
    [
        # The first come quickly.
        (1, 0.002, 0.05, 0.1),
        (2, 0.002, 0.05, 0.2),
        (4, 0.002, 0.05, 0.8),
        (5, 0.002, 0.05, 1.0),
        (10**6, 0.002, 0.05, 1.0),
        # The credit is used up: 8 ms of a core are 2 s of the share.
        (9, 0.008, 0.0, 2.0),
        (9, 0.008, 0.004, 1.0),
        (9, 0.008, -0.002, 2.5),
        # One look that took half a second.
        (1, 0.5, CREDIT_S - 0.5, 237.5),
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


MIB = 1 << 20


def reading(used: int) -> bytes:
    one = {"index": 0, "name": "T4", "total": 15360 * MIB, "used": used * MIB, "free": 0}
    return json.dumps([one | {"processes": {}}]).encode()


def test_where_pages_are_dear_to_read_samples_between_cost_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def dear(members: Any, *, with_pss: bool) -> host.TreeMemory:
        until = time.thread_time() + (0.06 if with_pss else 0.0)
        while time.thread_time() < until:
            pass
        return measured(members, with_pss=with_pss)

    measured = host.tree_memory
    monkeypatch.setattr(host, "tree_memory", dear)
    me = procfs.stat(os.getpid())
    assert me is not None
    sampler = Sampler(1.0, print)
    newest = Pulse(1, 1.0, "forward", 5, 9)
    taken = []
    for tick in range(900):
        now = tick / 10
        sampler.device_line(reading(900 if tick == 133 else 500))
        sampler.look_at_devices({me.pid}, newest, None)
        if sampler.is_due(now):
            taken.append(sampler.take(now, [me], newest, Job(me.pid)))
    whole = [one for one in taken if not one.is_between]
    between = [one for one in taken if one.is_between]
    # 60 ms and what it costs in truth are 15 s of the share and more; those between come sooner.
    assert 3 <= len(whole) <= 7
    assert len(between) >= 40
    assert all(one.host_pss and one.host_uss for one in whole)
    assert all(one.host_pss is None and one.host_rss > MIB for one in between)
    assert sampler.newest is whole[-1]
    assert sampler.peaks.host_pss == max(one.host_pss or 0 for one in whole)
    # A peak of the device stands in both, and is not lost where those between are thinned out.
    for some in (whole, between):
        assert [one.device_used[0] for one in some].count(900 * MIB) == 1
    assert device.parse(reading(500))[0].used == whole[0].device_used[0]
