"""The difference of two profiles as it is shown."""

from __future__ import annotations

import pytest

from runner.profiling.difference import Change, Difference
from runner.report import difference as report
from runner.report.blocks import Table


@pytest.mark.parametrize(
    ("count", "last"), [(15, "part 14"), (16, "part 15"), (17, "2 smaller parts")]
)
def test_rows_that_are_shown_of_a_difference_add_up(count: int, last: str) -> None:
    parts = tuple(Change(f"part {n}", 0, (count - n) << 20) for n in range(count))
    whole = Change("tensors", 0, sum(part.bytes for part in parts))
    made = report.of_differences(
        [Difference("a", "b", whole, None, None, parts, parts, parts, None)], "a", "b"
    )
    kinds, modules, phases = (b for b in made.sections[0].blocks if isinstance(b, Table))
    for table in (kinds, modules):
        assert table.rows[-1][0] == last
        shown = [float(row[3].removeprefix("+").removesuffix(" MiB")) for row in table.rows]
        assert sum(shown) == whole.bytes / (1 << 20)
    assert "smaller" not in phases.rows[-1][0], "peaks of phases have no sum"
