"""``python -m fwi JOB …``: one bare job in this process; what the supervisor starts.

Options are read and checked before anything heavy is imported, so a wrong one is said at once.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import tyro

from fwi import config, shares
from fwi.errors import JobError, ToldElsewhere
from fwi.interruption import Interrupted
from probes import pulse

_USAGE_STATUS = 2
_INTERRUPTED_STATUS = 130

_Job = (
    Annotated[config.Train, tyro.conf.subcommand("train")]
    | Annotated[config.Synth, tyro.conf.subcommand("synth")]
    | Annotated[config.Footprint, tyro.conf.subcommand("footprint")]
    | Annotated[config.Evaluate, tyro.conf.subcommand("evaluate")]
    | Annotated[config.Infer, tyro.conf.subcommand("infer")]
    | Annotated[config.Pack, tyro.conf.subcommand("pack")]
    | Annotated[config.Notebook, tyro.conf.subcommand("notebook")]
    | Annotated[config.Measure, tyro.conf.subcommand("measure")]
    | Annotated[config.Count, tyro.conf.subcommand("count")]
)
_DONE_BY = {
    "train": ("fwi.training", "train"),
    "synth": ("fwi.synthesis", "synthesise"),
    "footprint": ("fwi.footprint", "footprint"),
    "evaluate": ("fwi.judging.job", "evaluate"),
    "infer": ("fwi.inference", "infer"),
    "pack": ("fwi.packing", "pack"),
    "notebook": ("fwi.notebook", "export"),
    "measure": ("fwi.measuring", "measure"),
    "count": ("fwi.counting", "count"),
}
"""The function that does each job; its module is imported only then."""


def parse(arguments: Sequence[str]) -> config.Job:
    """The command line as a job. Ends the process with status 2 for a wrong one, 0 after --help."""
    return tyro.cli(
        _Job,
        prog="python -m fwi",
        description="One bare job in this process. `python -m runner` runs the same supervised.",
        args=list(arguments),
        config=(tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status of a command line (default: this process's)."""
    job = parse(sys.argv[1:] if arguments is None else arguments)
    who = shares.member(os.environ)
    pulse.attach(who.rank, who.place)
    if wrong := config.problems(job):
        if who.rank:
            return _USAGE_STATUS
        return _failed(job, "error.usage", "\n".join(wrong), _USAGE_STATUS)
    try:
        return _run(job)
    except ToldElsewhere as error:
        return error.exit_code
    except JobError as error:
        rank = f"rank {who.rank}: " if who.rank else ""
        return _failed(job, error.outcome, rank + _own_words(error), error.exit_code)
    except KeyboardInterrupt:
        print("interrupted before there was anything to keep", file=sys.stderr, flush=True)
        return _INTERRUPTED_STATUS


def _run(job: config.Job) -> int:
    """Import what does the job, do it, and say that it is done."""
    module, function = _DONE_BY[config.job_name(job)]
    with pulse.phase("startup"):
        do = getattr(importlib.import_module(module), function)
    try:
        do(job)
    except Interrupted as interrupted:
        return interrupted.exit_code
    except RuntimeError as error:
        _keep_device_memory(error)
        raise
    pulse.finished()
    return 0


def _keep_device_memory(error: RuntimeError) -> None:
    """After an out-of-memory error of a device: what its allocator held."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        from probes import allocator

        allocator.record_end()


def _own_words(error: JobError) -> str:
    """The message without the traceback that a loader worker wraps around it."""
    _, worker, after = str(error).partition("Original Traceback")
    _, found, words = after.partition(f"{type(error).__name__}: ")
    return words.strip() if worker and found else str(error)


def _failed(job: config.Job, outcome: str, message: str, status: int) -> int:
    pulse.fail(outcome, message)
    print(f"python -m fwi {config.job_name(job)}: {message}", file=sys.stderr, flush=True)
    return status


if __name__ == "__main__":
    if sys.stderr is not None:
        faulthandler.enable()
    sys.exit(main())
