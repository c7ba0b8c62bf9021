"""The allocator's rules, by cases that can be reckoned by hand, and its invariants."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import caching_allocator
from probes.caching_allocator import replay
from probes.memory_log import Event

KIB, MIB = 1 << 10, 1 << 20


def events(*changes: int) -> list[Event]:
    """+n bytes allocate the next; −k frees the k-th allocation, counted from 1."""
    found, sizes = [], list[int]()
    for change in changes:
        if change > 0:
            found.append(Event(len(sizes), change, "", 0))
            sizes.append(change)
        else:
            found.append(Event(-change - 1, -sizes[-change - 1], "", 0))
    return found


@pytest.mark.parametrize(
    ("changes", "allocated", "reserved"),
    [
        ((), 0, 0),
        ((1,), 512, 2 * MIB),
        ((513,), 1024, 2 * MIB),
        ((MIB,), MIB, 2 * MIB),
        ((MIB, MIB, MIB), 3 * MIB, 4 * MIB),
        ((MIB + 1,), MIB + 512, 20 * MIB),
        ((9 * MIB, 9 * MIB), 18 * MIB, 20 * MIB),
        ((10 * MIB,), 10 * MIB, 10 * MIB),
        # What is left is too little to be split off: it counts as allocated.
        ((11 * MIB,), 12 * MIB, 12 * MIB),
        # A freed block is used again, split where more than a mebibyte is left.
        ((30 * MIB, -1, 20 * MIB, 10 * MIB), 30 * MIB, 30 * MIB),
        ((12 * MIB, -1, 11 * MIB, 11 * MIB), 24 * MIB, 24 * MIB),
        # Neighbours merge; what lies between two blocks in use does not serve a larger one.
        ((9 * MIB, 9 * MIB, -1, -2, 18 * MIB), 18 * MIB, 20 * MIB),
        ((4 * MIB, 4 * MIB, 4 * MIB, 4 * MIB, -1, -3, 8 * MIB), 16 * MIB, 40 * MIB),
        # The best fit, not the first.
        ((40 * MIB, 20 * MIB, -1, -2, 20 * MIB, 40 * MIB), 60 * MIB, 60 * MIB),
    ],
)
def test_blocks_and_segments(changes: tuple[int, ...], allocated: int, reserved: int) -> None:
    held = replay(events(*changes))
    assert (held.allocated, held.reserved, held.fits) == (allocated, reserved, True)


def test_cached_segments_are_given_back_before_there_is_no_room() -> None:
    changes = events(30 * MIB, -1, 40 * MIB)
    assert replay(changes).reserved == 70 * MIB
    held = replay(changes, capacity=50 * MIB)
    assert (held.fits, held.retries, held.reserved) == (True, 1, 40 * MIB)
    assert not replay(changes, capacity=39 * MIB).fits


def test_segment_in_use_is_not_given_back() -> None:
    # 28 MiB are free, in a segment of which a part is used.
    changes = events(30 * MIB, -1, 2 * MIB, 40 * MIB)
    assert not replay(changes, capacity=50 * MIB).fits


SIZES = st.lists(st.integers(1, 64 * MIB), min_size=1, max_size=60)


@given(SIZES, st.randoms(use_true_random=False))
def test_reserved_holds_what_is_allocated_and_nothing_is_lost(
    sizes: list[int], chance: object
) -> None:
    changes: list[int] = []
    alive: list[int] = []
    for number, size in enumerate(sizes, 1):
        changes.append(size)
        alive.append(number)
        if chance.random() < 0.5:  # type: ignore[attr-defined]
            changes.append(-alive.pop(chance.randrange(len(alive))))  # type: ignore[attr-defined]
    once = replay(events(*changes))
    assert once.reserved >= once.allocated >= max(map(caching_allocator.rounded, sizes))
    # With everything freed, the same again finds room in what was reserved.
    first = events(*changes, *(-number for number in alive))
    again = [Event(None if e.allocation is None else e.allocation + len(sizes), e.bytes, "", 0)
             for e in first]  # fmt: skip
    both = replay([*first, *again])
    assert both.allocated == once.allocated
    assert both.reserved <= 2 * once.reserved
