"""Supervise a job of ours, or any command, and say how it ended."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fwi import config
from runner import machine_json, supervisor
from runner import paths as run_places
from runner.commands.usage import UsageError, reader_may_be_gone, refuse
from runner.options import Supervision
from runner.processes import Processes
from runner.result import Result
from runner.retrying import Changeable
from runner.run_signals import RunSignals

if TYPE_CHECKING:
    from runner.batch_finder import Found

_LIMITS = {
    errno.EMFILE: "raise the limit (ulimit -n)",
    errno.ENFILE: "the whole machine has too many; end a program, or raise fs.file-max",
    errno.EFBIG: "raise the limit (ulimit -f)",
}
"""What to do where the supervisor itself has too little to work with."""


def job(
    asked: config.Job,
    options: Supervision,
    *,
    label: str = "",
    processes: Processes | None = None,
    found: Found | None = None,
) -> int:
    """Supervise a job of ours; the exit status. ``label`` becomes part of the run's id; ``found``
    is how its batch size was found."""
    with RunSignals():
        return _job(asked, options, label, processes or Processes(), found)


def _job(
    asked: config.Job,
    options: Supervision,
    label: str,
    processes: Processes,
    found: Found | None,
) -> int:
    name = config.job_name(asked)
    refuse(config.problems(asked) + options.problems() + processes.problems(asked))

    def command(job: config.Job) -> list[str]:
        return processes.command(["fwi", name, *config.to_argv(job)])

    return _finish(
        _run(
            Changeable(asked, command),
            job=name,
            label=label,
            options=options,
            asked=config.as_dict(asked) | (asdict(processes) if processes.are_several else {}),
            environment={"PYTHONUNBUFFERED": "1", **processes.environment(os.environ)},
            live=True,
            found=(found.words, found.details) if found else None,
        ),
        options,
        table=True,
    )


def execute(command: Sequence[str], options: Supervision) -> int:
    """Supervise any command; the exit status."""
    if not command:
        raise UsageError("exec: no command; write: python -m runner exec [options] -- command …")
    refuse(options.problems())
    with RunSignals():
        result = _run(command, job="exec", options=options, inherit_input=True)
        return _finish(result, options, table=False)


def _run(command: Any, *, options: Supervision, **how: Any) -> Result:
    try:
        return supervisor.run(command, options=options, **how)
    except OSError as error:
        raise UsageError(_refusal(error, options.runs())) from error


def _refusal(error: OSError, runs: Path) -> str:
    """Why no run could be begun, and what to do."""
    why = error.strerror or str(error)
    if error.errno in _LIMITS:
        return f"the run cannot begin: {why}; {_LIMITS[error.errno]}"
    try:
        absolute = runs.absolute()
    except OSError:
        return f"--runs-dir {runs}: the working folder has been removed; name an absolute path"
    if str(error.filename).startswith(str(absolute)):
        return f"--runs-dir {runs}: {why}; choose a folder to write to"
    return f"the run cannot begin: {error}"


def _finish(result: Result, options: Supervision, *, table: bool) -> int:
    content = result.as_dict()
    page = page_of(options.runs(), result.run)
    with reader_may_be_gone(sys.stderr):
        if table:
            from runner.report import terminal

            terminal.show(content, to_stderr=True, page=page)
        else:
            _say_briefly(result, page)
    with reader_may_be_gone(sys.stdout):
        if options.json:
            # The job's last words may have no end of line; the object has a line of its own.
            print(
                *([""] if result.end.is_mid_line else []),
                machine_json.dumps(content),
                sep="\n",
                flush=True,
            )
    return result.exit_status(options.exit_passthrough)


def page_of(folder: Path, run: str) -> str:
    """The report to look at: the page, where it could be made."""
    paths = run_places.run_paths(folder, run)
    return str(paths.page if paths.page.exists() else paths.report)


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
