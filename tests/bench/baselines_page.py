"""The page of the comparison, and the figures that it is judged by. Pure."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from fwi.layout import FAMILIES
from tests.bench.baselines import Comparison, Row
from tests.bench.baselines_entries import ENTRIES, MEASURED_ALONE, Kind, Settings
from tests.bench.figure import Figure

OWN = "specproj"


def figures(found: Comparison) -> list[Figure]:
    """The project's network against each rival of the published size: error and memory."""
    own = _rows(found, "time")[OWN]
    rivals = [e for e in ENTRIES if e.is_published and e.name in _rows(found, "time")]
    made = []
    for entry in rivals:
        other = _rows(found, "time")[entry.name]
        kept, others = found.rates[OWN].kept, found.rates[entry.name].kept
        made += [
            _below(f"MAE against {entry.name}, same time", own.mae, other.mae, "m/s"),
            _below(f"saved activations against {entry.name}", kept / 1e6, others / 1e6, "MB"),
            _below(f"peak against {entry.name}, same batch", _peak(own), _peak(other), "MiB"),
        ]
    return made


def _below(name: str, own: float, other: float, unit: str) -> Figure:
    return Figure(name, own, unit, f"< {other:,.1f}", own < other)


def _peak(row: Row) -> float:
    return (row.host_peak if row.device_peak is None else row.device_peak) / 2**20


def _rows(found: Comparison, kind: Kind) -> dict[str, Row]:
    return {row.entry: row for row in found.rows if row.kind == kind}


def page(found: Comparison, machine: str, command: str) -> str:
    """The page under docs/results."""
    settings = found.settings
    least = min(row.epochs for row in found.rows)
    same = [row for row in found.rows if row.epochs == least]
    lines = [
        f"# The networks side by side, on a {'GPU' if settings.device == 'cuda' else 'CPU'}",
        "",
        f"Written by `{command}` on {time.strftime('%Y-%m-%d', time.gmtime())}. {machine}",
        "",
        "What the networks are, and what was tried on the project's own: [network](../network.md).",
        "",
        _told(settings),
        "",
        "## The same time",
        "",
        *_errors([row for row in found.rows if row.kind == "time"], found),
        "",
        *_not_trained(found),
        *(
            [
                f"## The same samples: {least * settings.training:,} ({least} epoch"
                f"{'s' if least > 1 else ''})",
                "",
                *_errors(same, found),
                "",
            ]
            if len(same) > 1
            else []
        ),
        "## Memory and speed",
        "",
        *_costs(found),
        "",
        "## Held against each other",
        "",
        "| figure | `specproj` | wanted | |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| {figure.name} | {figure.value:,.1f} {figure.unit} | {figure.target} | "
        f"{'met' if figure.met else 'missed'} |"
        for figure in figures(found)
    ]
    return "\n".join(lines) + "\n"


def _not_trained(found: Comparison) -> list[str]:
    trained = {row.entry for row in found.rows} | {entry.name for entry in MEASURED_ALONE}
    missing = [_shown(name) for name in found.rates if name not in trained]
    if not missing:
        return []
    return [f"Not trained to the end, so that there is no error of it: {', '.join(missing)}.", ""]


def _told(settings: Settings) -> str:
    clock = "processor time (user and system, all threads)"
    clock = clock if settings.device == "cpu" else "wall-clock time"
    threads = f", {settings.threads} thread(s) of torch" if settings.threads else ""
    return (
        f"The set: `python -m runner synth --samples {settings.maps + settings.file} "
        f"--samples-per-file {settings.file} --seed {settings.seed} --dtype float16"
        f"{' --device cuda' if settings.device == 'cuda' else ''}`, all ten families; of each "
        f"family one file of {settings.file} validates, drawn by the seed 0: {settings.training:,} "
        f"training and {settings.validation:,} validation maps. Batches of {settings.batch_size}"
        f"{threads}, one seed. Budget: {settings.minutes:g} min of {clock} for each network, of "
        "training alone. The schedule of the learning rate needs its end in advance: a step of "
        "each network is measured alone, and the run gets the number of whole epochs that comes "
        "nearest to the budget, at least one. So a network that is too slow for one epoch gets "
        "more than its budget. What the runs took in truth is in the table."
    )


def _errors(rows: Sequence[Row], found: Comparison) -> Iterator[str]:
    recipes = {entry.name: entry.recipe for entry in ENTRIES}
    short = [name.replace("Vel_", "V").replace("Fault_", "F") for name in FAMILIES]
    short = [name.replace("Flat", "F").replace("Curve", "C").replace("Style_", "St")
             for name in short]  # fmt: skip
    yield (
        "| network | recipe | epochs | samples | training, min (processor, min) | "
        f"**MAE, m/s** | {' | '.join(short)} |"
    )
    yield "| --- | --- |" + " --- |" * (4 + len(short))
    for row in sorted(rows, key=lambda row: row.mae):
        by_family = " | ".join(f"{row.by_family[name]:.0f}" for name in FAMILIES)
        yield (
            f"| {_shown(row.entry)} | {recipes[row.entry]} | {row.epochs} | {row.samples:,} | "
            f"{row.training_s / 60:.1f} ({row.processor_s / 60:.1f}) | **{row.mae:.1f}** | "
            f"{by_family} |"
        )


def _costs(found: Comparison) -> Iterator[str]:
    on_gpu = found.settings.device == "cuda"
    yield (
        "| network | parameters | saved activations a sample, fp32 | host peak, MiB | "
        f"{'device peak, MiB | ' if on_gpu else ''}samples/s, trained | "
        f"samples/s, a step alone{'' if on_gpu else ' | samples a second of processor time'} |"
    )
    yield "| --- |" + " --- |" * 6
    rows = _rows(found, "time")
    alone = [entry.name for entry in MEASURED_ALONE]
    for name in [*rows, *[name for name in found.rates if name not in rows]]:
        rate, row = found.rates[name], rows.get(name)
        parts = [
            _shown(name) + (f", batches of {rate.batch}" if name in alone else ""),
            f"{rate.parameters / 1e6:.1f} M",
            f"{rate.kept / 1e6:.0f} MB",
            f"{row.host_peak / 2**20:,.0f}" if row else "-",
            *([f"{(row.device_peak or 0) / 2**20:,.0f}" if row else "-"] if on_gpu else []),
            f"{row.samples_per_s:.2f}" if row else "-",
            f"{1 / rate.wall_s:.2f}",
            *([] if on_gpu else [f"{1 / rate.processor_s:.2f}"]),
        ]
        yield "| " + " | ".join(parts) + " |"


def _shown(name: str) -> str:
    model, _, encoder = name.partition(" ")
    return f"`{model}` {encoder}".strip()
