"""A run from asking to report: make its folder, run its attempts, record, say."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from probes.pulse import Reader
from runner import encodable, lost, machine, preflight
from runner.attempt import Attempt
from runner.console import Console
from runner.hooks import Hooks
from runner.live import live_line
from runner.metrics import MetricsFile
from runner.options import Supervision
from runner.paths import RunPaths, new_run_id, run_paths
from runner.recorder import Recorder
from runner.result import Result
from runner.retrying import Changeable, Launch, Over, Retrying
from runner.run_signals import RunSignals
from runner.sampling import Sample


def run(
    command: Sequence[str] | Callable[[RunPaths], Sequence[str]] | Changeable,
    *,
    job: str = "exec",
    label: str | None = None,
    options: Supervision | None = None,
    asked: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    inherit_input: bool = False,
    live: bool = False,
    found: tuple[str, Mapping[str, Any]] | None = None,
) -> Result:
    """Supervise one job to its end.

    ``command`` is the argument vector, or a function that makes it from the run's paths, or a job
    whose options may be changed for further attempts (``options.retries``). ``asked`` is what the
    user asked for, kept in run.json. ``environment`` is added to this process's own.
    ``found`` is how an option of the job was found, in words and as JSON types.
    Inside a running event loop (a notebook) the supervisor takes a thread of its own.

    Raises OSError where the run's folder cannot be made or written to before the job starts;
    everything later is in the result.
    """
    options = options or Supervision()
    runs = options.runs().absolute()
    runs.mkdir(parents=True, exist_ok=True)
    words = command if isinstance(command, Sequence) else ()
    paths = _new_folder(runs, job, label or (Path(words[0]).name if words else ""))
    what = command
    if isinstance(what, Changeable):
        what = what.in_folder(paths)
    elif callable(what):
        what = list(what(paths))
    environment = {**os.environ, "PYTHONFAULTHANDLER": "1", **(environment or {})}
    console = Console(live=live)
    recorder = Recorder(runs, paths, console.say)
    lost.sweep(runs, console.say)
    preflight.brief(runs, console.say)
    console.heard = recorder.event
    metrics = MetricsFile(options.metrics_file, paths.folder.name, job, console.say)

    def sampled(sample: Sample) -> None:
        recorder.sample(sample)
        if not sample.is_between:
            metrics.sample(sample)

    def looked(now: float, reader: Reader) -> None:
        recorder.look(now, reader)
        metrics.look(now, reader)

    def make(launch: Launch) -> Attempt:
        recorder.attempt = launch.n
        return Attempt(
            launch.command,
            run=paths.folder.name,
            paths=paths.attempt(launch.n),
            options=dataclasses.replace(options, deadline=launch.deadline),
            console=console,
            environment=launch.environment,
            inherit_input=inherit_input,
            hooks=Hooks(functools.partial(live_line, job), sampled, looked),
        )

    def result_of(over: Over) -> Result:
        return Result(
            run=paths.folder.name,
            job=job,
            diagnosis=over.diagnosis,
            attempts=over.attempts,
            retries=options.attempts() - 1,
            stopped=over.stopped,
            found=found[1] if found else {},
        )

    retrying = Retrying(
        what,
        paths,
        environment=environment,
        retries=options.attempts() - 1,
        deadline=options.deadline,
        wait_device=options.wait_device,
        make=make,
        ended=lambda over: recorder.attempt_ended(result_of(over)),
        say=lambda text: console.say(text, "recovery"),
    )
    argv = retrying.first_command()
    facts: dict[str, Any] = {"found": dict(found[1])} if found else {}
    facts |= {"asked": dict(asked or {}), "folder": _folder(), "machine": machine.facts()}
    recorder.begin(
        job,
        label or "",
        argv,
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        facts,
    )
    if found:
        console.note("found", found[0])
    try:
        with RunSignals() as signals:
            result = result_of(_to_the_end(retrying, signals))
            result = recorder.finish(
                result, lambda result: _report(result, {"command": argv, **facts})
            )
            metrics.finish(result.outcome.value, result.end.record)
            _make_pages(runs, paths, result, console.say, signals)
            return result
    finally:
        recorder.close()
        console.close()


def _folder() -> str:
    """The working folder; where it has been removed, what the kernel calls it."""
    try:
        return os.getcwd()
    except OSError:
        return os.readlink("/proc/self/cwd")


def _new_folder(runs: Path, job: str, label: str) -> RunPaths:
    while True:
        paths = run_paths(runs, new_run_id(job, label))
        with suppress(FileExistsError):
            paths.folder.mkdir()
            return paths


def _to_the_end(attempts: Retrying, signals: RunSignals) -> Over:
    """Run the run's own event loop, also where this thread runs one already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_with_signals(attempts, signals))
    with ThreadPoolExecutor(1, thread_name_prefix="supervisor") as own:
        return own.submit(asyncio.run, _with_signals(attempts, signals)).result()


async def _with_signals(attempts: Retrying, signals: RunSignals) -> Over:
    loop = asyncio.get_running_loop()
    signals.hand_to(
        lambda: _soon(loop, attempts.interrupt),
        lambda number: _soon(loop, attempts.pass_on, number),
    )
    try:
        return await attempts.run()
    finally:
        signals.hand_to_nobody()


def _soon(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: int) -> None:
    # Closed already, where another thread had it.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *arguments)


def _report(result: Result, description: Mapping[str, Any]) -> str:
    """The report as it can be made from memory alone, whatever became of the disk."""
    from runner.report import document, markdown
    from runner.report.material import Material

    stall = result.end.evidence.stall
    return markdown.render(
        document.of_run(
            Material(
                run=result.run,
                state="done",
                description=encodable.data(description),
                result=result.as_dict(),
                output=result.end.evidence.output,
                stacks=stall.stacks if stall else None,
            )
        )
    )


def _make_pages(
    runs: Path,
    paths: RunPaths,
    result: Result,
    say: Callable[[str], None],
    signals: RunSignals,
) -> None:
    from runner.report import pages

    asked = signals.asked
    pages.after(runs, paths, result.timing.reaped_s, say, is_hurried=lambda: signals.asked > asked)
