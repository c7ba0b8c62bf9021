"""Who of a tree is what, and the ledger of the host: data."""

from __future__ import annotations

import pytest

from probes.host import Held
from probes.pages import Pages
from runner import host_ledger
from runner.host_ledger import Role
from runner.host_limit import Bound, tightest

MIB = 1 << 20


def process(pid: int, ppid: int, name: str = "python", mib: int = 100) -> Held:
    return Held(pid, ppid, name, mib * MIB, Pages(private=mib * MIB))


MAIN, WORKER, OTHER = Role.MAIN, Role.WORKER, Role.OTHER
LOADER = host_ledger.WORKER_NAME


@pytest.mark.parametrize(
    ("held", "pulsing", "roles"),
    [
        ([process(1, 0)], None, [MAIN]),
        # torch's loader and a helper of multiprocessing.
        ([process(1, 0), process(2, 1, LOADER), process(3, 1)], None, [MAIN, WORKER, OTHER]),
        # Workers of a program that names them not.
        ([process(1, 0), process(2, 1), process(3, 1), process(4, 3)], None, [MAIN] + 3 * [WORKER]),
        # A shell that has started the program.
        ([process(1, 0, "bash", 3), process(2, 1), process(3, 2)], None, [OTHER, MAIN, WORKER]),
        ([process(1, 0, "bash", 3), process(2, 1, "sh", 3), process(3, 2)], None,
         [OTHER, OTHER, MAIN]),
        # A main process with one large worker is no launcher.
        ([process(1, 0), process(2, 1)], None, [MAIN, WORKER]),
        # The process that pulses is the main one, whatever the tree looks like.
        ([process(1, 0), process(2, 1), process(3, 1), process(4, 2)], 2,
         [OTHER, MAIN, OTHER, WORKER]),
        # The first process has ended: somebody's child is adopted.
        ([process(7, 99)], None, [OTHER]),
        # Pids that go round in a circle, as a table read while processes end may show.
        ([process(1, 2), process(2, 1)], None, [MAIN, WORKER]),
    ],
)  # fmt: skip
def test_roles(held: list[Held], pulsing: int | None, roles: list[Role]) -> None:
    found = host_ledger.roles_of(held, 1, pulsing)
    assert [found[one.pid] for one in held] == roles


def test_bars_add_up_to_the_tree() -> None:
    held = [
        Held(1, 0, "python", 900, Pages(400, 200, 100, 200)),
        *(Held(n, 1, LOADER, 100 + n, Pages(100, n, 0, 0)) for n in range(2, 14)),
        Held(20, 1, "sh", 50, None),
    ]
    ledger = host_ledger.of(held, 1)
    bars = host_ledger.bars(ledger)
    assert list(bars) == [
        "whole tree", "main process (1)", *(f"worker {n}" for n in range(13, 5, -1)),
        "4 more workers", "other processes",
    ]  # fmt: skip
    sums = {name: sum(parts.values()) for name, parts in bars.items()}
    assert sums["whole tree"] == ledger.total == sum(one.size for one in held)
    assert sums["whole tree"] == sum(sums.values()) - sums["whole tree"]
    assert bars["worker 13"] == {"private": 100, "shared since the fork (copy-on-write)": 13}
    assert bars["other processes"] == {"not told by kind": 50}


def test_locked_pages_are_told_apart_within_the_private() -> None:
    ledger = host_ledger.of([Held(1, 0, "python", 90, Pages(private=90, locked=30))], 1)
    assert host_ledger.bars(ledger)["main process (1)"] == {"private": 60, "locked (mlock)": 30}


def test_nothing_held_is_no_ledger() -> None:
    assert host_ledger.bars(host_ledger.of([], 1)) == {}


@pytest.mark.parametrize(
    ("bounds", "source"),
    [
        ([], None),
        ([Bound(8, "machine")], "machine"),
        ([Bound(8, "machine"), Bound(4, "cgroup"), Bound(6, "asked")], "cgroup"),
        ([Bound(4, "machine"), Bound(4, "cgroup")], "machine"),
    ],
)
def test_limit_that_is_met_first(bounds: list[Bound], source: str | None) -> None:
    found = tightest(bounds)
    assert (found.source if found else None) == source
