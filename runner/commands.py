"""What each command does, once its options are data."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from fwi import config
from runner import paths as run_places
from runner import supervisor
from runner.console import Console
from runner.ledger import Ledger, LedgerError
from runner.options import Supervision
from runner.outcomes import EXIT_STATUS
from runner.paths import ledger_path
from runner.result import Result
from runner.retrying import Changeable


class UsageError(Exception):
    """Options that cannot work; one line for each."""


def job(asked: config.Train | config.Synth, options: Supervision) -> int:
    """Supervise a job of ours; the exit status."""
    name = config.job_name(asked)
    if isinstance(asked, config.Train):
        asked = dataclasses.replace(asked, resume=_resolve_resume(asked.resume, options.runs()))
    _refuse(config.problems(asked) + options.problems())
    label = asked.model if isinstance(asked, config.Train) else ""

    def command(job: config.Job) -> list[str]:
        return [sys.executable, "-m", "fwi", name, *config.to_argv(job)]

    return _finish(
        _run(
            Changeable(asked, command),
            job=name,
            label=label,
            options=options,
            asked=config.as_dict(asked),
            environment={"PYTHONUNBUFFERED": "1"},
            live=True,
        ),
        options,
        table=True,
    )


def _resolve_resume(asked: str | None, runs: Path) -> str | None:
    """``last`` and ids of runs become the folder of their checkpoints; paths stay."""
    if asked is None:
        return None
    if asked == "last":
        found = [
            folder
            for folder in runs.glob("*/checkpoints")
            if run_places.is_run_id(folder.parent.name) and any(folder.glob("*.pt"))
        ]
        if not found:
            raise UsageError(f"--resume last: no run in {runs} has a checkpoint")
        return str(max(found, key=lambda folder: folder.parent.name))
    if run_places.is_run_id(asked) and (runs / asked).is_dir():
        return str(run_places.run_paths(runs, asked).checkpoints)
    if not Path(asked).exists():
        raise UsageError(
            f"--resume {asked}: neither a run in {runs} nor a checkpoint file or folder; "
            f"`python -m runner runs` lists the runs"
        )
    return asked


def execute(command: Sequence[str], options: Supervision) -> int:
    """Supervise any command; the exit status."""
    if not command:
        raise UsageError("exec: no command; write: python -m runner exec [options] -- command …")
    _refuse(options.problems())
    result = _run(command, job="exec", options=options, inherit_input=True)
    return _finish(result, options, table=False)


def _run(command: Any, *, options: Supervision, **how: Any) -> Result:
    try:
        return supervisor.run(command, options=options, **how)
    except OSError as error:
        if not str(error.filename).startswith(str(options.runs().absolute())):
            raise
        raise UsageError(
            f"--runs-dir {options.runs()}: {error.strerror or error}; choose a folder to write to"
        ) from error


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        raise UsageError("\n".join(problems))


def _finish(result: Result, options: Supervision, *, table: bool) -> int:
    content = result.as_dict()
    page = _page(options.runs(), result.run)
    with _reader_may_be_gone(sys.stderr):
        if table:
            from runner.report import terminal

            terminal.show(content, to_stderr=True, page=page)
        else:
            _say_briefly(result, page)
    with _reader_may_be_gone(sys.stdout):
        if options.json:
            # The job's last words may have no end of line; the object has a line of its own.
            print(
                *([""] if result.end.is_mid_line else []), json.dumps(content), sep="\n", flush=True
            )
    return result.exit_status(options.exit_passthrough)


def _page(folder: Path, run: str) -> str:
    """The report to look at: the page, where it could be made."""
    paths = run_places.run_paths(folder, run)
    return str(paths.page if paths.page.exists() else paths.report)


@contextlib.contextmanager
def _reader_may_be_gone(stream: TextIO) -> Iterator[None]:
    """A closed terminal or pipe changes neither the outcome nor the exit status: everything is in
    the run's folder. What is still to be flushed at the exit goes nowhere."""
    try:
        yield
        stream.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _say_briefly(result: Result, page: str) -> None:
    from runner.console import printable
    from runner.units import duration, size

    lines = [
        f"{result.outcome}: {result.outcome.meaning}; {duration(result.timing.ended_s)}, "
        f"host {size(result.peaks.host_pss or result.peaks.host_rss)}, {page}"
    ]
    if not result.ok:
        lines += [f"evidence: {fact.source}: {fact.text}" for fact in result.diagnosis.facts]
        lines += [f"advice: {line}" for line in result.diagnosis.advice]
    for end in (one.end for one in result.attempts):
        for left in end.leaks.processes:
            state = "ended" if left.gone else "could not be ended"
            lines.append(f"left behind: process {left.pid} {left.command} ({state})")
        lines += [f"left behind: /dev/shm/{name}" for name in end.leaks.shm]
    lines += [f"not kept: {line}" for line in result.troubles]
    print("\n".join(printable(line) for line in lines), file=sys.stderr, flush=True)


def runs(folder: Path, limit: int, as_json: bool) -> int:
    """Print the ledger's newest runs."""
    rows = _open(folder).runs(limit)
    if as_json:
        print(json.dumps([dataclasses.asdict(row) for row in rows]))
        return 0
    from runner.report import terminal

    terminal.list_runs(rows)
    return 0


def show(folder: Path, run: str, as_json: bool) -> int:
    """Print one run's result."""
    ledger = _open(folder)
    run = _named(ledger, folder, run)
    content = _result(ledger, folder, run)
    if as_json:
        print(json.dumps(content))
        return 0
    from runner.report import terminal

    terminal.show(content, to_stderr=False, page=_page(folder, run))
    terminal.list_events([event for event in ledger.events(run) if event.kind != "evidence"])
    return 0


def fit(asked: config.Footprint, gpus: Sequence[str], as_json: bool) -> int:
    """Print what would fit on which device; nothing is run on one."""
    from runner import fit as fitting
    from runner.cards import CARDS
    from runner.footprints import FootprintError

    unknown = [name for name in gpus if name.lower() not in CARDS]
    _refuse(
        config.problems(asked)
        + [f"--gpus {name}: expected some of {', '.join(CARDS)}" for name in unknown]
        + ([] if gpus else ["--gpus: expected at least one"])
    )
    wanted = fitting.Asked(
        models=asked.models,
        batch_sizes=asked.batch_sizes,
        dtypes=asked.dtypes,
        modes=asked.modes,
        cards=fitting.cards(gpus),
        activation_checkpointing=asked.activation_checkpointing,
    )
    console = Console(live=True)

    def say(text: str) -> None:
        console.live(lambda: f"footprint of {text}")

    try:
        found = fitting.fit(wanted, say)
    except FootprintError as error:
        raise UsageError(str(error)) from error
    finally:
        console.close()
    if as_json:
        print(json.dumps([fitting.as_dict(one, wanted) for one in found]))
        return 0
    from runner.report import fit as page

    page.show(found, wanted)
    return 0


def report(folder: Path, run: str, form: str, out: str | None) -> int:
    """Make a run's report anew, in the run's folder or where ``out`` says; - is standard output."""
    from probes import files
    from runner.report import material, pages
    from runner.report.plotly_script import NoPlotly

    run = _named(None, folder, run)
    paths = run_places.run_paths(folder, run)
    try:
        made = pages.FORMS[form](material.gather(folder, paths))
        if out == "-":
            with _reader_may_be_gone(sys.stdout):
                sys.stdout.write(made)
            return 0
        target = Path(out) if out is not None else pages.place(paths, form)
        files.write_text(target, made)
    except NoPlotly as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"report: {error.filename or paths.folder}: {error.strerror}") from error
    print(target)
    return 0


def watch(folder: Path, run: str) -> int:
    """Show a run while it goes on; its exit status, 0 where the watcher left before its end."""
    from runner.report import watching

    run = _named(None, folder, run)
    return watching.watch(folder, run_places.run_paths(folder, run))


def _named(ledger: Ledger | None, folder: Path, run: str) -> str:
    """The id of a run, ``last`` for the newest; there is a folder of that name."""
    if run == "last":
        newest = (ledger or _open(folder)).runs(1)
        if not newest:
            raise UsageError(f"no run in {folder} yet")
        return newest[0].id
    try:
        paths = run_places.run_paths(folder, run)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if ledger is None and not paths.folder.is_dir():
        raise UsageError(f"no run {run} in {folder}; `python -m runner runs` lists them")
    return run


def doctor(runs: Path, fix: bool, as_json: bool) -> int:
    """Print what would make the next run fail; 3 where something would, else 0."""
    from runner import preflight

    checkup = preflight.examine(runs.absolute(), fix=fix)
    with _reader_may_be_gone(sys.stdout):
        if as_json:
            content = {
                "schema": 1,
                "ok": checkup.is_well,
                "findings": [finding.as_dict() for finding in checkup.findings],
                "fixed": list(checkup.done),
            }
            print(json.dumps(content), flush=True)
        else:
            from runner.report import checkup as page

            page.show(checkup)
    return 0 if checkup.is_well else EXIT_STATUS["error"]


def _result(ledger: Ledger, folder: Path, run: str) -> Mapping[str, Any]:
    try:
        run_places.run_paths(folder, run)
    except ValueError as error:
        raise UsageError(str(error)) from error
    content = ledger.result(run)
    if content is None:
        states = {row.id: row.state for row in ledger.runs(100000)}
        if run in states:
            raise UsageError(f"run {run} has no result: it is {states[run]}")
        raise UsageError(f"no run {run} in {folder}; `python -m runner runs` lists them")
    return content


def _open(folder: Path) -> Ledger:
    if not ledger_path(folder).exists():
        raise UsageError(f"no ledger in {folder}: nothing has been run there (--runs-dir)")
    try:
        return Ledger(ledger_path(folder), reading=True)
    except LedgerError as error:
        raise UsageError(str(error)) from error


def explain(names: Sequence[str], status: str | None, as_json: bool) -> int:
    """Explain logs and stack dumps."""
    from runner import explain as explaining

    if not names:
        raise UsageError("explain: no file; write: python -m runner explain FILE…")
    try:
        number = None if status is None else explaining.parse_status(status)
    except ValueError as error:
        raise UsageError(f"--exit {error}") from error
    return explaining.files(names, number, as_json)
