"""A run from asking to report: make its folder, run the attempt, decide, record, say."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from runner import lost, machine
from runner.attempt import Attempt, AttemptEnd
from runner.console import Console
from runner.diagnosis import diagnose
from runner.live import live_line
from runner.options import Supervision
from runner.paths import RunPaths, new_run_id, run_paths
from runner.recorder import Recorder
from runner.report import markdown
from runner.result import Result

_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(
    command: Sequence[str] | Callable[[RunPaths], Sequence[str]],
    *,
    job: str = "exec",
    label: str | None = None,
    options: Supervision | None = None,
    asked: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    inherit_input: bool = False,
    live: bool = False,
) -> Result:
    """Supervise one job to its end.

    ``command`` is the argument vector, or a function that makes it from the run's paths. ``asked``
    is what the user asked for, kept in run.json. ``environment`` is added to this process's own.
    Inside a running event loop (a notebook) the supervisor takes a thread of its own.

    Raises OSError where the run's folder cannot be made or written to before the job starts;
    everything later is in the result.
    """
    options = options or Supervision()
    runs = options.runs().absolute()
    runs.mkdir(parents=True, exist_ok=True)
    words = command if not callable(command) else ()
    paths = _new_folder(runs, job, label or (Path(words[0]).name if words else ""))
    argv = list(command(paths) if callable(command) else command)
    console = Console(live=live)
    recorder = Recorder(runs, paths, console.say)
    lost.sweep(runs, console.say)
    recorder.begin(
        job,
        label or "",
        argv,
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        {"asked": dict(asked or {}), "folder": os.getcwd(), "machine": machine.facts()},
    )

    attempt_paths = paths.attempt(1)
    attempt_paths.folder.mkdir()
    try:
        attempt = Attempt(
            argv,
            run=paths.folder.name,
            paths=attempt_paths,
            options=options,
            console=console,
            environment={**os.environ, "PYTHONFAULTHANDLER": "1", **(environment or {})},
            inherit_input=inherit_input,
            live=functools.partial(live_line, job),
            on_sample=recorder.sample,
        )
        end = _to_the_end(attempt)
        diagnosis = diagnose(end.evidence)
        result = Result(
            run=paths.folder.name,
            job=job,
            diagnosis=diagnosis,
            end=end,
            attempts=({"n": 1, "outcome": diagnosis.outcome, "changed": {}},),
        )
        recorder.finish(result, _report(result, paths, argv))
        return result
    finally:
        recorder.close()
        console.close()


def _new_folder(runs: Path, job: str, label: str) -> RunPaths:
    while True:
        paths = run_paths(runs, new_run_id(job, label))
        with suppress(FileExistsError):
            paths.folder.mkdir()
            return paths


def _to_the_end(attempt: Attempt) -> AttemptEnd:
    """Run the attempt's own event loop, also where this thread runs one already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_with_signals(attempt))
    with ThreadPoolExecutor(1, thread_name_prefix="supervisor") as own:
        return own.submit(asyncio.run, _with_signals(attempt)).result()


async def _with_signals(attempt: Attempt) -> AttemptEnd:
    loop = asyncio.get_running_loop()
    main = threading.current_thread() is threading.main_thread()
    if main:
        for number in _ENDING_SIGNALS:
            loop.add_signal_handler(number, attempt.interrupt)
    try:
        return await attempt.run()
    finally:
        if main:
            for number in _ENDING_SIGNALS:
                loop.remove_signal_handler(number)


def _report(result: Result, paths: RunPaths, argv: Sequence[str]) -> str:
    stacks = result.end.evidence.stall
    return markdown.render(
        result.as_dict(),
        {"command": list(argv), "machine": machine.facts()},
        result.end.evidence.output,
        stacks.stacks if stacks else None,
    )
