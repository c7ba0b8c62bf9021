"""The report of a profile as sections; ``markdown`` and ``html`` show it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runner import machine_json
from runner.outcomes import Outcome
from runner.profiling.configuration import Configuration
from runner.profiling.row import SKIPPED, Row
from runner.profiling.store import Profile
from runner.report import content, html, markdown, profile_charts
from runner.report.blocks import Block, Card, Chart, Document, Items, Section, Table, Text
from runner.units import duration, size

HEAD = (
    "configuration", "outcome", "peak", "predicted", "off", "tensors", "predicted tensors",
    "samples/s",
)  # fmt: skip
_HOW = (
    "peak: on the CPU the largest resident size of the process (VmHWM) in the steps after the "
    "followed ones, and the pages that its loader workers do not share; on a GPU what the device "
    "gave out.",
    "predicted: likely (least - most), found without running the configuration; off: likely "
    "against the peak.",
    "tensors: the largest moment of the steady step, every storage followed; no allocator and no "
    "library is in it.",
    "samples/s: the median of the timed steps, in which nothing is followed. It is that of this "
    "machine as it was then; other work on it slows it, and changes no memory.",
)


def of_profile(profile: Profile) -> Document:
    """The whole report, of what is done so far."""
    rows = profile.rows()
    wanted = len(profile.matrix.configurations())
    measured = [row for row in rows if row.is_measured]
    complete = len(rows) == wanted and all(row.is_done for row in rows)
    sections = [
        Section("rows", "Configurations", (Table(HEAD, [cells(row) for row in rows]), Items(_HOW))),
        _section("peaks", "Peak against batch", profile_charts.peak_by_batch(measured)),
        _kinds(measured),
        _section("throughput", "Throughput against peak", profile_charts.throughput(measured)),
        _section("fit", "Predicted against measured", profile_charts.predicted(measured)),
        _not_measured(rows),
        _machine(profile.description),
    ]
    return Document(
        run=profile.id,
        outcome="ok" if complete else Outcome.INTERRUPTED.value,
        meaning=(
            f"{len(measured)} of {wanted} configurations measured, "
            f"{sum(row.outcome == SKIPPED for row in rows)} skipped, "
            f"{sum(not row.is_measured and row.outcome != SKIPPED for row in rows)} failed"
            + ("" if complete else f"; go on with --resume {profile.id}")
        ),
        subtitle=f"profile · started {profile.description.get('started', '?')} "
        f"· on {profile.device}",
        cards=_cards(measured, rows),
        sections=[one for one in sections if one.blocks],
        title="Profile",
    )


def cells(row: Row) -> tuple[str, ...]:
    """One line of the table."""
    predicted = row.predicted
    likely = predicted.total[1] if predicted else None
    off = f"{100 * (likely / row.held - 1):+.1f} %" if likely and row.held else "-"
    return (
        row.configuration.key,
        row.outcome,
        size(row.held) if row.held is not None else "-",
        f"{size(likely)} ({size(predicted.total[0])} - {size(predicted.total[2])})"
        if predicted
        else "-",
        off,
        size(row.tensors) if row.tensors is not None else "-",
        size(predicted.tensors) if predicted else "-",
        f"{row.samples_per_s:.3g}" if row.samples_per_s else "-",
    )


def as_json(profile: Profile) -> str:
    found = {
        "schema": 1,
        "profile": profile.id,
        "matrix": profile.matrix.as_dict(),
        **{k: v for k, v in profile.description.items() if k != "schema"},
        "rows": [row.as_dict() for row in profile.rows()],
    }
    return machine_json.dumps(found) + "\n"


FORMS: Mapping[str, Callable[[Profile], str]] = {
    "html": lambda profile: html.render(of_profile(profile)),
    "md": lambda profile: markdown.render(of_profile(profile)),
    "json": as_json,
}


def _cards(measured: Sequence[Row], rows: Sequence[Row]) -> list[Card]:
    took = sum(row.seconds or 0.0 for row in rows)
    cards = [Card("measured", str(len(measured)), f"of {len(rows)} rows, {duration(took)}")]
    with_peak = [row for row in measured if row.held is not None]
    if with_peak:
        largest = max(with_peak, key=lambda row: row.held or 0)
        cards.append(Card("largest peak", size(largest.held), largest.configuration.key))
    off = [
        (abs(row.predicted.tensors / row.tensors - 1), row.configuration.key)
        for row in measured
        if row.predicted and row.tensors
    ]
    if off:
        worst, where = max(off)
        cards.append(Card("tensors, worst prediction", f"{100 * worst:.2f} % off", where))
    fastest = max(measured, key=lambda row: row.samples_per_s or 0.0, default=None)
    if fastest is not None and fastest.samples_per_s:
        key = fastest.configuration.key
        cards.append(Card("fastest", f"{fastest.samples_per_s:.3g} samples/s", key))
    return cards


def _section(name: str, title: str, chart: Chart | None) -> Section:
    return Section(name, title, () if chart is None else (chart,))


def _kinds(measured: Sequence[Row]) -> Section:
    chart = profile_charts.attribution(measured)
    if chart is None:
        return Section("attribution", "What held the peak", ())
    kinds = list(dict.fromkeys(kind for row in measured for kind in row.steady["by_kind"]))
    table = Table(
        ("configuration", *kinds, "all"),
        [
            (
                row.configuration.key,
                *(
                    size(row.steady["by_kind"][kind]) if kind in row.steady["by_kind"] else "-"
                    for kind in kinds
                ),
                size(row.tensors),
            )
            for row in measured
        ],
    )
    blocks: list[Block] = [Text("Bytes of tensors at the peak of the steady step."), chart, table]
    return Section("attribution", "What held the peak", blocks)


def _not_measured(rows: Sequence[Row]) -> Section:
    by_reason: dict[str, list[Configuration]] = {}
    for row in rows:
        if not row.is_measured:
            reason = row.why if row.outcome == SKIPPED else f"{row.outcome}: {row.why}"
            by_reason.setdefault(reason, []).append(row.configuration)
    lines = [
        f"{', '.join(one.key for one in which)}: {reason}" for reason, which in by_reason.items()
    ]
    return Section("missing", "Not measured", (Items(lines),) if lines else ())


def _machine(description: Mapping[str, Any]) -> Section:
    rows = content.machine_rows(description)
    return Section("machine", "Machine", (Table(("what", "value"), rows),) if rows else ())
