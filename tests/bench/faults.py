"""The injected faults: rounds under the supervisor, and the same faults under two other tools. Each
trial that is done is kept: what was ended goes on, as long as the code stays what it was."""

from __future__ import annotations

import re
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

from tests.bench import faults_kept
from tests.bench.faults_kept import Kept
from tests.bench.figure import Figure
from tests.faults import harness
from tests.faults.__main__ import rounds
from tests.faults.catalogue import CATALOGUE
from tests.faults.fault import Fault
from tests.faults.harness import ROOT, TIMEOUT_S, Tool, Trial

ROUNDS = 20
AT_ONCE = 2
_OTHERS_AT_ONCE = 3
TORCHRUN_BOUND_S = 30.0
"""After which a job under torchrun that has not ended is ended by us."""
_OTHERS: tuple[Tool, ...] = ("torchrun", "timeout")
_SHOWN = 110
TIMED_OUT = 124
"""How ``timeout`` ends when it was the one to end the job."""


@dataclass
class Row:
    """A fault and everything that came of it."""

    fault: Fault
    own: list[Trial] = field(default_factory=list)
    others: dict[Tool, Trial] = field(default_factory=dict)

    @property
    def tried(self) -> list[Trial]:
        return [trial for trial in self.own if trial.refused is None]

    @property
    def right(self) -> int:
        return sum(not harness.problems(self.fault, trial) for trial in self.tried)


def measure(
    count: int = ROUNDS,
    seed: int = 1,
    faults: Sequence[Fault] = CATALOGUE,
    say: Callable[[str], None] = print,
) -> tuple[Figure, list[Row]]:
    """The figure and the table; ``say`` is told of the progress."""
    place = faults_kept.place(faults, seed)
    kept = Kept(place)
    say(f"what is done is kept in {place}; remove the file to begin anew")
    began = time.monotonic()
    for number, fault, trial in rounds(faults, count, AT_ONCE, seed, kept.done("runner")):
        kept.add(number, fault, "runner", trial)
        wrong = trial.refused is None and harness.problems(fault, trial)
        if wrong:
            say(harness.describe(fault, trial))
        rows = rows_of(faults, count, kept)
        if all(len(row.own) == number for row in rows):
            right = sum(row.right for row in rows)
            tried = sum(len(row.tried) for row in rows)
            say(f"round {number}: {right} of {tried} right, {time.monotonic() - began:.0f} s")
    for tool, fault, trial in _elsewhere(
        [
            (tool, fault)
            for tool in _OTHERS
            for fault in faults
            if fault.compared and (0, fault.name) not in kept.done(tool)
        ]
    ):
        kept.add(0, fault, tool, trial)
        say(f"{tool}: {fault.name}: {noticed(fault, trial)}")
    rows = rows_of(faults, count, kept)
    return _figure(rows, count, seed), rows


def rows_of(faults: Sequence[Fault], count: int, kept: Kept) -> list[Row]:
    """What there is of so many rounds, in their order, and under the other tools."""
    own, rounds_of = kept.trials, range(1, count + 1)
    return [
        Row(
            fault,
            [own[n, fault.name, "runner"] for n in rounds_of if (n, fault.name, "runner") in own],
            {tool: own[0, fault.name, tool] for tool in _OTHERS if (0, fault.name, tool) in own},
        )
        for fault in faults
    ]


def _elsewhere(asked: Sequence[tuple[Tool, Fault]]) -> Iterator[tuple[Tool, Fault, Trial]]:
    with ThreadPoolExecutor(_OTHERS_AT_ONCE) as pool:
        waiting = {
            pool.submit(harness.run, fault, tool, _bound(tool)): (tool, fault)
            for tool, fault in asked
        }
        for done in as_completed(waiting):
            yield *waiting[done], done.result()


def _bound(tool: Tool) -> float:
    return TORCHRUN_BOUND_S if tool == "torchrun" else TIMEOUT_S + 30.0


def _figure(rows: Sequence[Row], count: int, seed: int) -> Figure:
    tried = sum(len(row.tried) for row in rows)
    right = sum(row.right for row in rows)
    skipped = sum(not row.tried for row in rows)
    share = 100 * right / tried if tried else 0.0
    return Figure(
        "injected faults classified, nothing left behind",
        share,
        "%",
        "100 %, 20 rounds in random order, two at a time",
        right == tried > 0,
        f"{right} of {tried} trials: {len(rows) - skipped} faults, {count} rounds in random order "
        f"(seed {seed}), {AT_ONCE} at a time; {skipped} skipped",
    )


def noticed(fault: Fault, trial: Trial) -> str:
    """Whether the tool knew that something was wrong, in a word or two (pure)."""
    if trial.refused is not None:
        return "not tried"
    if fault.meanwhile and not fault.is_negative:
        return "ended" if trial.status is not None else "not ended"
    if fault.is_negative:
        return "left alone" if trial.status == 0 else "ended a good job"
    if trial.status == TIMED_OUT:
        return "that time was up"
    return "no" if trial.status in (None, 0) else "yes"


def told(trial: Trial, tool: Tool) -> str:
    """What was last said: of our closing lines the first, of other tools the last line there is;
    without what is of this machine (pure)."""
    line = trial.last_line
    if tool == "runner" and trial.outcome is not None:
        # Not from the line's start: a progress bar that was never ended stands before it.
        name = re.escape(trial.outcome)
        ours = re.findall(rf"{name}: .*, host .*|run \S+ was {name}: .*", trial.stderr)
        line = ours[-1].partition(", host ")[0] if ours else line
    line = _clean(line)
    line = "".join(c if c.isprintable() else " " for c in line).replace("`", "'")
    line = line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
    return f"`{line}`".replace("|", "\\|") if line else "nothing"


def page(rows: Sequence[Row], figure: Figure, machine: str, command: str) -> str:
    """The page under docs/results (pure)."""
    met = "met" if figure.met else "missed"
    lines = [
        "# Injected faults",
        "",
        f"Written by `{command}` on {time.strftime('%Y-%m-%d', time.gmtime())}. {machine}",
        "",
        "What a fault is, how one is added and how this page is made: [faults](../faults.md).",
        "",
        f"**{figure.name}: {figure.value:.4g} %** (target {figure.target}: {met}); "
        f"{figure.detail}.",
        "",
        *_wrong(rows),
        "## Under the supervisor",
        "",
        "Detected: seconds from the start of the job to the supervisor's knowing, median and worst "
        "of the rounds; of a stall this contains the time without progress that was allowed "
        "(`--watchdog`), and the time that the job took to get there. Over: until nothing of the "
        "job was left, stacks and grace time included.",
        "",
        "| fault | what goes wrong | options | outcome | right | detected, s | over, s |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(_own_row(row) for row in rows if row.tried),
        "",
        *_skipped(rows),
        "## Side by side",
        "",
        f"The same programs under `python -m torch.distributed.run --nproc-per-node 1` (torchrun; "
        f"not ended after {TORCHRUN_BOUND_S:.0f} s: ended by the test) and under "
        f"`timeout {TIMEOUT_S}`. A fixed time-out has to be longer than the whole job, a watchdog "
        f"only longer than a step: their times are the choice of whoever sets them. After: wall "
        f"seconds from the start of the tool to its end. Told: of the supervisor's closing lines "
        f"the first, of the others the last line on the terminal (torchrun ends with a summary; "
        f"what the job itself said stands above it).",
        "",
        "| fault | runner | torchrun | timeout |",
        "| --- | --- | --- | --- |",
        *(_side_row(row) for row in rows if row.others and row.tried),
        "",
        "## Where the others do as well",
        "",
        *_as_good(rows),
    ]
    return "\n".join(lines) + "\n"


def _wrong(rows: Sequence[Row]) -> list[str]:
    found = []
    for row in rows:
        for number, trial in enumerate(row.own, 1):
            if trial.refused is None and (problems := harness.problems(row.fault, trial)):
                text = "; ".join(problems).replace("\n", " ")
                found.append(f"- {row.fault.name}, round {number}: {_clean(text)[:300]}")
    return ["Went wrong:", "", *found, ""] if found else []


def _clean(text: str) -> str:
    """Without the folders and the name of this machine."""
    # The environment may stand inside the checkout, whose name is then a part of its own.
    text = text.replace(sys.prefix, "…").replace(str(ROOT), ".")
    text = re.sub(r"/\S*/fault-\w+", "…", text)
    return re.sub(rf"(?<![\w-]){re.escape(socket.gethostname())}(?![\w-])", "…", text)


def _skipped(rows: Sequence[Row]) -> list[str]:
    found = [f"- {row.fault.name}: {_clean(str(row.own[0].refused))}" for row in rows
             if row.own and not row.tried]  # fmt: skip
    return ["Skipped here:", "", *found, ""] if found else []


def _own_row(row: Row) -> str:
    fault = row.fault
    detected = [t.detected_s for t in row.tried if t.detected_s is not None]
    over = [t.result["timing"]["reaped_s"] for t in row.tried if t.result is not None]
    outcomes = sorted({str(trial.outcome) for trial in row.tried})
    shown = ", ".join(f"`{outcome}`" for outcome in outcomes)
    if outcomes != [fault.outcome]:
        shown += f" (expected `{fault.outcome}`)"
    options = f"`{' '.join(fault.options)}`" if fault.options else ""
    cells = [fault.name, fault.what, options, shown, f"{row.right} of {len(row.tried)}",
             _spread(detected), _spread(over)]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.1f} ({max(values):.1f})" if values else "-"


def _side_row(row: Row) -> str:
    cells = [_cell(row.fault, _typical(row), "runner")]
    cells += [_cell(row.fault, row.others[tool], tool) for tool in _OTHERS if tool in row.others]
    return f"| {row.fault.name} | " + " | ".join(cells) + " |"


def _typical(row: Row) -> Trial:
    """The trial of median duration."""
    return sorted(row.tried, key=lambda trial: trial.seconds)[len(row.tried) // 2]


def _cell(fault: Fault, trial: Trial, tool: Tool) -> str:
    if trial.refused is not None:
        return f"not tried: {trial.refused}"
    word = noticed(fault, trial)
    said = told(trial, tool)
    if trial.status is None:
        return f"{word}; still there: {trial.left}; {said}"
    return f"{word}, {trial.seconds:.1f} s; left behind: {trial.left}; {said}"


def _bulk(trial: Trial) -> int:
    """What was left behind, temporary files aside."""
    return len(trial.left.processes) + len(trial.left.shm) + len(trial.left.cgroups)


def _as_good(rows: Sequence[Row]) -> list[str]:
    """Where the supervisor is no better at noticing and cleaning up (pure)."""
    lines = []
    for tool in _OTHERS:
        pairs = [
            (row, _typical(row), row.others[tool])
            for row in rows
            if row.tried and tool in row.others and row.others[tool].refused is None
        ]
        equal = [
            (row, own, other)
            for row, own, other in pairs
            if noticed(row.fault, other) == noticed(row.fault, own) and _bulk(other) <= _bulk(own)
        ]
        sooner = [(row, own.seconds - other.seconds) for row, own, other in equal
                  if other.seconds < own.seconds]  # fmt: skip
        lines += [
            f"In {len(equal)} of {len(pairs)} rows {tool} noticed the same and left no more "
            f"processes and segments behind; it differs in what the user was told."
            + _sooner([row.fault.name for row, _ in sooner], [gain for _, gain in sooner]),
            "",
        ]
        worse = [
            row.fault.name
            for row, own, other in pairs
            if other.status is not None and str(own.left) != "nothing" == str(other.left)
        ]
        if worse:
            lines += [f"Rows where it left less behind than we did: {', '.join(worse)}.", ""]
    return lines[:-1]


def _sooner(names: Sequence[str], gains: Sequence[float]) -> str:
    if not names:
        return " In none of them it ended sooner."
    return (
        f" In {len(names)} of them it ended sooner, by a median of "
        f"{statistics.median(gains):.1f} s: {', '.join(names)}."
    )
