"""Whether workers grow and what comes of it: tables of looks, and a worker that really grows."""

from __future__ import annotations

import json
import random
import signal
import subprocess
from collections.abc import Callable

import pytest

from runner import growth
from runner.growth import Look, Looks, Per
from runner.host_limit import Bound
from tests.runner.conftest import fault

MIB, GIB = 1 << 20, 1 << 30
WORKERS = frozenset({11, 12})
LIMIT = Bound(4 * GIB, "the machine's memory")
Start = Callable[..., subprocess.Popen[str]]


def looks(
    held: Callable[[int], float],
    count: int = 60,
    *,
    period_s: float = 1.0,
    total: int = 0,
    samples: bool = True,
    steps: bool = True,
    workers: Callable[[int], frozenset[int]] = lambda _: WORKERS,
) -> Looks:
    """A look a second; ``held`` MiB at each, ten steps and a hundred samples between two."""
    found = Looks()
    for n in range(count):
        found = found.add(
            Look(
                at_s=period_s * n,
                workers=workers(n),
                held=int(held(n) * MIB),
                tree=int((500 + held(n)) * MIB),
                step=10 * n if steps else 0,
                total=total,
                samples=100.0 * n if samples else None,
            )
        )
    return found


def noisy(value: Callable[[int], float]) -> Callable[[int], float]:
    chance = random.Random(3)
    return lambda n: value(n) + chance.gauss(0, 4)


STEADY, LEAK = noisy(lambda _: 300), noisy(lambda n: 300 + 5 * n)


@pytest.mark.parametrize(
    ("taken", "per", "mib"),
    [
        (looks(LEAK), Per.SAMPLES, 50),
        (looks(LEAK, samples=False), Per.STEPS, 500),
        (looks(LEAK, samples=False, steps=False), Per.TIME, 300),
        # More looks than are kept.
        (looks(LEAK, 1000), Per.SAMPLES, 50),
        (looks(STEADY), Per.SAMPLES, 0),
    ],
)
def test_rate_is_by_the_best_that_the_job_tells(taken: Looks, per: Per, mib: float) -> None:
    found = growth.growth(taken)
    assert found is not None
    assert found.per is per
    assert found.per_unit / MIB == pytest.approx(mib, rel=0.1, abs=1.5)
    assert len(taken.kept) <= 64


@pytest.mark.parametrize(
    ("taken", "warned"),
    [
        # 5 MiB a second, 3.2 GiB of room: eleven minutes. The run goes on for an hour.
        (looks(LEAK, total=36_590), True),
        # It ends in a minute.
        (looks(LEAK, total=1190), False),
        # Nobody knows when it ends: growth without a pause is enough.
        (looks(LEAK), True),
        (looks(LEAK, samples=False, steps=False), True),
        (looks(STEADY), False),
        (looks(STEADY, total=10**6), False),
        # Prefetching fills up and stays.
        (looks(noisy(lambda n: 300 + 40 * min(n, 10))), False),
        (looks(noisy(lambda n: 300 + 40 * min(n, 10)), total=10**6), False),
        # One that rises and falls.
        (looks(lambda n: 300 + 100 * (n % 10)), False),
        # It grew until half-way, then stopped.
        (looks(noisy(lambda n: 300 + 10 * min(n, 30))), False),
        # Too little to tell from.
        (looks(LEAK, 5, total=10**6), False),
        (looks(LEAK, 40, period_s=0.1, total=10**6), False),
        # So little that it is nothing.
        (looks(lambda n: 300 + 0.1 * n, total=10**9), False),
        # Other workers every five looks: each set is too short-lived to tell from.
        (looks(LEAK, workers=lambda n: frozenset({n // 5})), False),
        (looks(LEAK, workers=lambda _: frozenset()), False),
        (looks(lambda n: 900 - 5 * n), False),
    ],
)
def test_warning(taken: Looks, warned: bool) -> None:
    said = growth.warning(taken, LIMIT)
    assert (said is not None) == warned
    if said is not None:
        assert "2 worker(s) grow by" in said
        assert "the machine's memory, 4.0 GiB, is reached in" in said


def test_sustained_growth_is_said_without_a_limit_too() -> None:
    assert growth.warning(looks(LEAK), None) is not None
    assert growth.warning(looks(LEAK, total=36_590), None) is None


def test_other_workers_begin_anew() -> None:
    taken = looks(LEAK, 20, workers=lambda n: frozenset({1 if n < 15 else 2}))
    assert len(taken.kept) == 5
    assert taken.add(Look(99.0, frozenset(), 0, 0)).kept == ()


def test_worker_that_copies_lists_is_warned_of(start: Start) -> None:
    child = start(fault("worker_copies_lists"), "--max-host-memory", "2G", "--sample", "0.2")
    assert child.stderr is not None
    # It would go on for a minute; how soon it can be told depends on what else runs here.
    said = next((line for line in child.stderr if "grow by" in line), "")
    assert "--max-host-memory 2G, 2.0 GiB, is reached in" in said
    child.send_signal(signal.SIGINT)
    assert child.stdout is not None
    result = json.loads(child.stdout.read().splitlines()[-1])
    found = result["growth"]
    assert (found["workers"], found["per"]) == (1, "thousand samples")
    assert found["rise"] >= 16 * MIB
    assert found["warning"] in said
    assert result["limit"] == {"size": 2 * GIB, "source": "--max-host-memory 2G"}
    bars = result["ledgers"]["host"]
    [worker] = (name for name in bars if name.startswith("worker"))
    whole = bars["whole tree"]
    # What is copied is no longer shared: how far it came by then depends on what else runs here.
    copied = bars[worker]["private"]
    assert copied >= 16 * MIB
    assert copied + whole["shared since the fork (copy-on-write)"] > 100 * MIB
    one_by_one = sum(sum(bar.values()) for name, bar in bars.items() if name != "whole tree")
    assert sum(whole.values()) == one_by_one
    assert abs(one_by_one - result["peaks"]["host_pss"]) < MIB
