"""Who takes which samples."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fwi import shares
from fwi.shares import Member, member, share, step, steps

TOLD = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2",
        "MASTER_ADDR": "a", "MASTER_PORT": "1"}  # fmt: skip


@pytest.mark.parametrize(
    ("samples", "world", "expected"),
    [
        (8, 1, [8]),
        (8, 2, [4, 4]),
        (7, 2, [4, 3]),
        (1, 2, [1, 0]),
        (6, 4, [2, 2, 1, 1]),
        (2, 3, [1, 1, 0]),
    ],
)
def test_shares_differ_by_one_at_the_most(samples: int, world: int, expected: list[int]) -> None:
    assert [len(share(samples, rank, world)) for rank in range(world)] == expected


@given(
    start=st.integers(0, 40), left=st.integers(1, 40), batch=st.integers(1, 5),
    world=st.integers(1, 5),
)  # fmt: skip
def test_steps_of_all_ranks_are_those_of_one_process_with_the_larger_batch(
    start: int, left: int, batch: int, world: int
) -> None:
    end, per_step = start + left, batch * world
    of_ranks = [steps(start, end, per_step, Member(rank, world)) for rank in range(world)]
    [alone] = [steps(start, end, per_step, Member())]
    assert {len(each) for each in of_ranks} == {len(alone)}
    for number, whole in enumerate(alone):
        parts = [each[number] for each in of_ranks]
        assert [place for part in parts for place in part.mine] == list(whole.mine)
        assert sum(part.weight for part in parts) == pytest.approx(1)
        assert max(len(part.mine) for part in parts) <= batch
        for part in parts:
            assert (part.start, part.samples) == (whole.start, whole.samples)
            assert part.learned_from
            assert set(part.learned_from) <= set(whole.mine)


def test_rank_without_a_sample_takes_part_with_one_that_counts_nothing() -> None:
    last = step(12, 13, 4, Member(rank=1, world=2))
    assert list(last.mine) == []
    assert last.weight == 0
    assert list(last.learned_from) == [12]


def test_process_is_a_rank_only_where_a_launcher_says_so() -> None:
    assert member(TOLD) == Member(3, 4, 1, 2)
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        assert member({k: v for k, v in TOLD.items() if k != name}) == shares.Member()
    assert member({**TOLD, "LOCAL_WORLD_SIZE": "4"}).places == 4
