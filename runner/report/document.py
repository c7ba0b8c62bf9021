"""The report of a run as sections, from what is kept of it; ``markdown`` and ``html`` show it.
Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.outcomes import Outcome
from runner.report import attribution, content, held, lines, oom, timeline
from runner.report.blocks import (
    Block,
    Card,
    Chart,
    Code,
    Document,
    Heading,
    Items,
    Row,
    Section,
    Table,
    Text,
)
from runner.report.lines import Mark
from runner.report.material import Material
from runner.report.timeline import Number, Stretch
from runner.units import duration, size

_OVER_ALL = "Over all attempts; tensors, phases and numbers are those of the last."
_FEWEST = 6
"""Samples that make a line: of a shorter run the table says it all."""
_MOST_MARKS = 60
_MOST_EPOCHS = 120
_MOST_EVENTS = 200
OUTPUT_LINES = 200
STACK_LINES = 400


def of_run(material: Material) -> Document:
    """The whole report."""
    result = material.result
    code = str(result["outcome"])
    known = code in set(Outcome)
    parts = phase_stretches(material)
    end_s = _end_s(material)
    sections = [
        _what_happened(result),
        _attempts(result),
        _over_time(material, parts, end_s),
        _training(material, end_s),
        _memory(result),
        _attributed(material),
        _phases(result),
        _ranks(result),
        _events(material),
        _machine_went_through(result),
        _left_behind(result),
        _troubles(material),
        _time(result),
        _machine(material.description),
        _stacks(material.stacks),
        _output(material.output),
    ]
    return Document(
        run=material.run,
        outcome=code,
        meaning=Outcome(code).meaning if known else "it has not ended yet",
        subtitle=_subtitle(material),
        cards=_cards(material),
        sections=[
            section for section in sections if any(_says_something(b) for b in section.blocks)
        ],
    )


def _says_something(block: Block) -> bool:
    match block:
        case Text(words=said) | Code(text=said):
            return bool(said.strip())
        case Heading():
            return False
        case Table(rows=said) | Items(lines=said):
            return bool(said)
    return True


def phase_stretches(material: Material) -> list[Stretch]:
    """What phase the samples fell into, over time."""
    samples = material.samples
    if len(samples) < 2:
        return []
    return timeline.stretches(samples.at_s, samples.phase, samples.at_s[-1])


def _end_s(material: Material) -> float:
    last = material.samples.at_s[-1] if len(material.samples) else 0.0
    return max(last, float(material.result["timing"].get("ended_s") or 0.0))


def marks(material: Material) -> list[Mark]:
    """The beginnings of attempts, stalls, and the ends of epochs."""
    found = [
        Mark(one["began_s"], f"attempt {one['n']}", "attempt")
        for one in material.result["attempts"]
        if one.get("began_s") and one["n"] > 1
    ]
    found += [
        Mark(event.at_s, event.kind, "stall")
        for event in material.events
        if event.kind == "stall" and event.at_s is not None
    ]
    return found[:_MOST_MARKS] + epochs(material)


def epochs(material: Material) -> list[Mark]:
    """The end of each epoch, where the job tells; every second, fourth … of too many."""
    ends = epoch_ends(material)
    every = -(-len(ends) // _MOST_EPOCHS) or 1
    label = max(1, len(ends) // 8)
    return [
        Mark(at, f"epoch {value:g}" if n % label == label - 1 else "", "epoch")
        for n, (at, value) in enumerate(ends[::every])
    ]


def epoch_ends(material: Material) -> list[tuple[float, Number]]:
    """(time, number as the job tells it) of the end of every epoch."""
    for series in material.curves:
        if series.name == "epoch":
            return [
                (at, value)
                for n, (at, value) in enumerate(zip(series.at_s, series.values, strict=True))
                if n == 0 or value != series.values[n - 1]
            ]
    return []


def _subtitle(material: Material) -> str:
    result, machine = material.result, material.description.get("machine") or {}
    parts = [
        str(result.get("job", "")),
        f"started {result['timing'].get('started', '?')}",
        f"on {machine['host']}" if machine.get("host") else "",
    ]
    return " · ".join(part for part in parts if part)


def _cards(material: Material) -> list[Card]:
    result = material.result
    peaks, gauges, timing = result["peaks"], result.get("gauges", {}), result["timing"]
    cards = [Card("time", duration(timing.get("ended_s")))]
    if peaks["host_pss"] is not None:
        holders = peaks.get("host_holders") or ()
        detail = f"{len(holders)} process{'es' if len(holders) != 1 else ''}" if holders else ""
        cards.append(Card("host peak (PSS)", size(peaks["host_pss"]), detail))
    elif peaks["host_rss"] is not None:
        cards.append(Card("host peak (RSS)", size(peaks["host_rss"])))
    for index, used in sorted(peaks["device_used"].items()):
        cards.append(Card(f"GPU {index} peak", size(used), "everybody on it"))
    if peaks["device_allocated"] is not None:
        reserved = size(peaks["device_reserved"])
        cards.append(Card("torch peak", size(peaks["device_allocated"]), f"reserved {reserved}"))
    if len(result["attempts"]) > 1:
        cards.append(Card("attempts", str(len(result["attempts"]))))
    if "mae" in gauges:
        cards.append(Card("validation MAE", content.number_words(gauges["mae"], ".1f", " m/s")))
    elif "loss" in gauges:
        cards.append(Card("loss", content.number_words(gauges["loss"], ".5g")))
    if "samples_per_s" in gauges:
        rate = content.number_words(gauges["samples_per_s"], ".4g")
        cards.append(Card("samples/s", rate))
    return cards


def _what_happened(result: Mapping[str, Any]) -> Section:
    blocks: list[Block] = []
    if result["advice"]:
        blocks += [Text("What to do:"), Items(result["advice"])]
    blocks += [
        Text("Evidence:" if result["evidence"] else ""),
        Items([f"{fact['source']}: {fact['text']}" for fact in result["evidence"]]),
    ]
    if result["also"]:
        blocks.append(Text("Also possible: " + ", ".join(result["also"]) + "."))
    return Section("why", "What happened", blocks)


def _over_time(material: Material, parts: Sequence[Stretch], end_s: float) -> Section:
    samples = material.samples
    if len(samples) < _FEWEST:
        return Section("timeline", "Over time", ())
    chart = lines.memory(
        samples, timeline.shares(material.spent or timeline.mixes(parts)), marks(material), end_s
    )
    if chart is None:
        return Section("timeline", "Over time", ())
    said = Text(f"{len(samples):,} samples; each line keeps its peaks.")
    return Section("timeline", "Over time", (said, chart))


def _memory(result: Mapping[str, Any]) -> Section:
    blocks: list[Block] = [
        Text(_OVER_ALL if len(result["attempts"]) > 1 else ""),
        Table(("peak", "size"), content.peak_rows(result)),
    ]
    blocks += attribution.tensors(result)
    blocks += attribution.holders(result)
    blocks.append(Text(content.growth_words(result)))
    warned = (result.get("growth") or {}).get("warning")
    blocks.append(Text(f"It was warned of: {warned}." if warned else ""))
    return Section("memory", "What used the memory", blocks)


def _attributed(material: Material) -> Section:
    blocks: list[Block] = [
        *attribution.ledgers(material.result),
        Items(material.result.get("ledger_notes") or ()),
        *oom.blocks(material.at_oom),
        *held.blocks(material.held),
    ]
    return Section("attribution", "Where each byte is", blocks)


def _phases(result: Mapping[str, Any]) -> Section:
    head: Row = ("phase", "entered", "time", "share", "host peak", "device peak")
    return Section("phases", "Phases", (Table(head, content.phase_rows(result)),))


def _ranks(result: Mapping[str, Any]) -> Section:
    return Section("ranks", "Ranks", (Table(content.RANK_HEAD, content.rank_rows(result)),))


def _training(material: Material, end_s: float) -> Section:
    blocks: list[Block] = []
    told = [series for series in material.curves if series.name != "epoch"]
    chart: Chart | None = lines.curves(told, epochs(material), end_s)
    if chart is not None:
        blocks.append(chart)
    blocks.append(Table(("name", "newest value"), content.training_rows(material.result)))
    return Section("numbers", "Numbers", blocks)


def _attempts(result: Mapping[str, Any]) -> Section:
    table = Table(content.ATTEMPT_HEAD, content.attempt_rows(result))
    return Section("attempts", "Attempts", (table,))


def _events(material: Material) -> Section:
    rows = [
        (
            "" if event.at_s is None else duration(event.at_s),
            str(event.attempt),
            event.kind,
            event.text,
        )
        for event in material.events
        if event.kind != "evidence"
    ]
    left_out = len(rows) - _MOST_EVENTS
    said = Text(f"The newest {_MOST_EVENTS}; {left_out} before them." if left_out > 0 else "")
    table = Table(("after", "attempt", "kind", "what"), rows[-_MOST_EVENTS:])
    return Section("events", "What was said meanwhile", (said, table))


def _machine_went_through(result: Mapping[str, Any]) -> Section:
    table = Table(("what", "how much"), content.system_rows(result))
    return Section("system", "What the machine went through", (table,))


def _left_behind(result: Mapping[str, Any]) -> Section:
    if not result["leaks"]:
        return Section("leaks", "Left behind", ())
    rows = content.leak_rows(result)
    nothing = "Nothing was left behind: no process, shared memory or device memory."
    blocks: list[Block] = [Table(("what", "state"), rows), Text("" if rows else nothing)]
    return Section("leaks", "Left behind", blocks)


def _troubles(material: Material) -> Section:
    said = [*material.result["troubles"], *material.missing]
    return Section("troubles", "Not measured or not kept", (Items(said),))


def _time(result: Mapping[str, Any]) -> Section:
    return Section("time", "Time", (Table(("what", "when"), content.timing_rows(result)),))


def _machine(description: Mapping[str, Any]) -> Section:
    blocks: list[Block] = [Table(("what", "value"), content.machine_rows(description))]
    if description.get("command"):
        words = " ".join(str(word) for word in description["command"])
        blocks = [Code(words, 1), *blocks]
    return Section("machine", "Command and machine", blocks)


def _stacks(stacks: str | None) -> Section:
    return Section("stacks", "Threads at the stall", (Code(stacks or "", STACK_LINES),))


def _output(output: str) -> Section:
    said = "" if output.strip() else "The job printed nothing."
    return Section("output", "End of the output", (Text(said), Code(output, OUTPUT_LINES)))
