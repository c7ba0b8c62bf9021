"""``report.md``: the run on one page. Everything that a job printed is hostile text here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from runner.console import printable
from runner.outcomes import Outcome
from runner.report import content
from runner.report.content import Row

_OUTPUT_LINES = 40
_OVER_ALL = "Over all attempts; tensors, phases and numbers are those of the last."


def render(
    result: Mapping[str, Any], description: Mapping[str, Any], output: str, stacks: str | None
) -> str:
    """The page. ``result`` and ``description`` are result.json and run.json."""
    outcome = Outcome(result["outcome"])
    parts = [
        f"# Run {escape(result['run'])}",
        f"**{outcome.value}** — {outcome.meaning} (confidence {result['confidence']:.0%}).",
        _command(description),
        *_section("Attempts", content.ATTEMPT_HEAD, content.attempt_rows(result)),
        "## What used the memory",
        _OVER_ALL if len(result["attempts"]) > 1 else "",
        _table(("peak", "size"), content.peak_rows(result)),
    ]
    parts += _section("Tensors of the job", ("kind", "size"), content.tensor_rows(result), 3)
    parts += _section(
        "Processes at the host's peak", ("process", "size"), content.holder_rows(result), 3
    )
    parts += _section(
        "Phases",
        ("phase", "entered", "time", "share", "host peak", "device peak"),
        content.phase_rows(result),
    )
    parts += _section("Numbers", ("name", "newest value"), content.training_rows(result))
    parts += ["## Evidence", _list(f"{f['source']}: {f['text']}" for f in result["evidence"])]
    if result["also"]:
        parts.append("Also possible: " + ", ".join(f"`{code}`" for code in result["also"]) + ".")
    if result["advice"]:
        parts += ["## Advice", _list(result["advice"])]
    parts += _section("Left behind", ("what", "state"), content.leak_rows(result))
    if not content.leak_rows(result):
        parts.append("Nothing was left behind: no process, shared memory or device memory.")
    if result["troubles"]:
        parts += ["## Not measured or not kept", _list(result["troubles"])]
    parts += _section("Time", ("what", "when"), content.timing_rows(result))
    parts += _section("Machine", ("what", "value"), _machine_rows(description))
    if stacks:
        parts += ["## Threads at the stall", fenced(stacks, 200)]
    parts += ["## End of the output", fenced(output, _OUTPUT_LINES)]
    return "\n\n".join(part for part in parts if part) + "\n"


def escape(text: str) -> str:
    """Text that Markdown and HTML leave as it is."""
    return re.sub(r"([\\`*_{}\[\]<>#|~&!])", r"\\\1", printable(text))


def fenced(text: str, lines: int) -> str:
    """The last lines as a code block whose fence is longer than any in the text."""
    shown = [printable(line.replace("\t", "    ")) for line in text.splitlines()[-lines:]]
    longest = max((len(run) for line in shown for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}text", *shown, fence])


def _section(title: str, head: Row, rows: list[Row], level: int = 2) -> list[str]:
    return [f"{'#' * level} {title}", _table(head, rows)] if rows else []


def _table(head: Row, rows: Iterable[Row]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(escape(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {escape(line)}" for line in lines)


def _command(description: Mapping[str, Any]) -> str:
    command = " ".join(printable(str(word)) for word in description.get("command", []))
    return fenced(command, 1) if command else ""


def _machine_rows(description: Mapping[str, Any]) -> list[Row]:
    from runner.units import size

    machine = description.get("machine") or {}
    rows: list[Row] = []
    for name, value in machine.items():
        if name == "packages":
            rows += [(package, version or "not installed") for package, version in value.items()]
        elif name in ("memory", "memory_limit", "shm"):
            rows.append((name.replace("_", " "), size(value)))
        else:
            rows.append((name.replace("_", " "), "none" if value is None else str(value)))
    return rows
