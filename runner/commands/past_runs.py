"""``runs``, ``show``, ``report`` and ``watch``: what the ledger and the runs' folders hold."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from runner import machine_json
from runner import paths as run_places
from runner.commands.supervised import page_of
from runner.commands.usage import (
    UsageError,
    for_stream,
    is_standard_output,
    reader_may_be_gone,
    show_any_sign,
)
from runner.ledger import Ledger, LedgerError
from runner.options import Supervision
from runner.paths import ledger_path
from runner.profiling import store


@dataclass(frozen=True, kw_only=True)
class RunsCommand:
    """List the runs in the ledger, the newest first."""

    limit: int = 50
    """Rows at the most."""
    runs_dir: Path | None = None
    """Folder of the ledger and the runs. Default: $FWI_RUNS_DIR, else runs."""
    json: bool = False
    """Print a JSON list."""

    def __call__(self) -> int:
        return _runs(Supervision(runs_dir=self.runs_dir).runs(), self.limit, self.json)


@dataclass(frozen=True, kw_only=True)
class ShowCommand:
    """Show one run: outcome, memory, phases, evidence, advice."""

    run: Annotated[str, tyro.conf.Positional]
    """The run's id, or last."""
    runs_dir: Path | None = None
    """Folder of the ledger and the runs. Default: $FWI_RUNS_DIR, else runs."""
    json: bool = False
    """Print the result as one line of JSON."""

    def __call__(self) -> int:
        return _show(Supervision(runs_dir=self.runs_dir).runs(), self.run, self.json)


@dataclass(frozen=True, kw_only=True)
class ReportCommand:
    """Make the report of a run anew, also of a lost one: a page, Markdown, JSON or a trace."""

    run: Annotated[str, tyro.conf.Positional]
    """The run's id, or last; or a profile's id."""
    format: Literal["html", "md", "json", "trace"] = "html"
    """trace is for Perfetto (ui.perfetto.dev) and chrome://tracing."""
    out: str | None = None
    """File to write; - is standard output. Default: in the run's folder."""
    runs_dir: Path | None = None
    """Folder of the ledger and the runs. Default: $FWI_RUNS_DIR, else runs."""

    def __call__(self) -> int:
        folder = Supervision(runs_dir=self.runs_dir).runs()
        if store.is_profile(folder, self.run):
            from runner.commands import profile_report

            return profile_report.make(folder, self.run, self.format, self.out)
        return _report(folder, self.run, self.format, self.out)


@dataclass(frozen=True, kw_only=True)
class WatchCommand:
    """Show a run live while it goes on, from another terminal; Ctrl-C leaves the run alone."""

    run: Annotated[str, tyro.conf.Positional] = "last"
    """The run's id, or last."""
    runs_dir: Path | None = None
    """Folder of the ledger and the runs. Default: $FWI_RUNS_DIR, else runs."""

    def __call__(self) -> int:
        return _watch(Supervision(runs_dir=self.runs_dir).runs(), self.run)


def _runs(folder: Path, limit: int, as_json: bool) -> int:
    """Print the ledger's newest runs."""
    rows = _open(folder).runs(limit)
    if as_json:
        print(machine_json.dumps([dataclasses.asdict(row) for row in rows]))
        return 0
    from runner.report import terminal

    show_any_sign(sys.stdout)
    terminal.list_runs(rows)
    return 0


def _show(folder: Path, run: str, as_json: bool) -> int:
    """Print one run's result."""
    ledger = _open(folder)
    run = _named(ledger, folder, run)
    content = _result(ledger, folder, run)
    if as_json:
        print(machine_json.dumps(content))
        return 0
    from runner.report import terminal

    show_any_sign(sys.stdout)
    terminal.show(content, to_stderr=False, page=page_of(folder, run))
    terminal.list_events([event for event in ledger.events(run) if event.kind != "evidence"])
    return 0


def _report(folder: Path, run: str, form: str, out: str | None) -> int:
    """Make a run's report anew, in the run's folder or where ``out`` says; - is standard output."""
    from probes import files
    from runner.report import material, pages
    from runner.report.plotly_script import NoPlotly

    run = _named(None, folder, run)
    paths = run_places.run_paths(folder, run)
    try:
        made = pages.FORMS[form](material.gather(folder, paths))
        if out is not None and is_standard_output(out):
            with reader_may_be_gone(sys.stdout):
                sys.stdout.write(for_stream(made, sys.stdout))
            return 0
        target = Path(out) if out is not None else pages.place(paths, form)
        (files.write_text if out is None else files.write_named)(target, made)
    except NoPlotly as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"report: {error.filename or paths.folder}: {error.strerror}") from error
    print(target)
    return 0


def _watch(folder: Path, run: str) -> int:
    """Show a run while it goes on; its exit status, 0 where the watcher left before its end."""
    from runner.report import watching

    run = _named(None, folder, run)
    show_any_sign(sys.stdout)
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
