"""The difference between configurations, as sections. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from runner.profiling.difference import Change, Difference
from runner.report.blocks import Block, Document, Heading, Section, Table, Text
from runner.units import size

_MOST = 15


def of_differences(found: Sequence[Difference], before: str, after: str) -> Document:
    """The largest difference first."""
    ordered = sorted(found, key=lambda one: -abs(one.tensors.bytes))
    return Document(
        run=f"{before} → {after}",
        outcome="ok",
        meaning=f"{len(found)} pair{'' if len(found) == 1 else 's'} of configurations compared",
        subtitle="bytes of tensors at the peak of the steady step; the largest change first",
        cards=(),
        sections=[
            Section(f"pair-{n}", _title(one), _blocks(one)) for n, one in enumerate(ordered, 1)
        ],
        title="Difference",
    )


def signed(count: int) -> str:
    return f"{'+' if count > 0 else '−' if count < 0 else ''}{size(abs(count))}"


def _title(found: Difference) -> str:
    if found.before == found.after:
        return found.before
    return f"{found.before} → {found.after}"


def _blocks(found: Difference) -> list[Block]:
    whole = [one for one in (found.tensors, found.host, found.device) if one is not None]
    lines = [
        f"{one.name}: {size(one.before)} → {size(one.after)} ({signed(one.bytes)}"
        f"{f', {100 * one.bytes / one.before:+.1f} %' if one.before else ''})"
        for one in whole
    ]
    if found.samples_per_s:
        lines.append("samples/s: {:.3g} → {:.3g}".format(*found.samples_per_s))
    blocks: list[Block] = [Text("; ".join(lines) + ".")]
    for words, changes in (
        ("By class", _with_the_rest(found.by_kind)),
        ("By module", _with_the_rest(found.by_module)),
        # Peaks of different moments have no sum that the rest could be told by.
        ("By phase, its own peak", found.by_phase[:_MOST]),
    ):
        if changes:
            blocks += [Heading(words), Table(("what", "before", "after", "change"), _rows(changes))]
    return blocks


def _with_the_rest(changes: Sequence[Change]) -> list[Change]:
    """The largest, and all others as one, so that what is shown adds up."""
    shown, rest = list(changes[:_MOST]), changes[_MOST:]
    if len(rest) < 2:
        return [*shown, *rest]
    before, after = sum(one.before for one in rest), sum(one.after for one in rest)
    return [*shown, Change(f"{len(rest)} smaller parts", before, after)]


def _rows(changes: Sequence[Change]) -> list[tuple[str, ...]]:
    return [(one.name, size(one.before), size(one.after), signed(one.bytes)) for one in changes]
