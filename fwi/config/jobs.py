"""All jobs by name, and what holds for each: as arguments, as JSON, what is wrong with it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, get_type_hints

import tyro

from fwi.config.checks import flag
from fwi.config.count import Count
from fwi.config.evaluate import Evaluate
from fwi.config.footprint import Footprint
from fwi.config.infer import Infer
from fwi.config.measure import Measure
from fwi.config.notebook import Notebook
from fwi.config.pack import Pack
from fwi.config.synth import Synth
from fwi.config.train import Train

Job = Train | Synth | Footprint | Evaluate | Infer | Pack | Notebook | Measure | Count
JOBS: dict[str, type[Job]] = {
    "train": Train,
    "synth": Synth,
    "footprint": Footprint,
    "evaluate": Evaluate,
    "infer": Infer,
    "pack": Pack,
    "notebook": Notebook,
    "measure": Measure,
    "count": Count,
}


def job_name(job: Job) -> str:
    """The command of a job: ``Train()`` → ``"train"``."""
    return next(name for name, kind in JOBS.items() if type(job) is kind)


def to_argv(job: Job) -> list[str]:
    """Arguments after ``python -m fwi JOB`` that give this job again; defaults are left out."""
    argv: list[str] = []
    named = positional(type(job))
    for field in dataclasses.fields(job):
        value = getattr(job, field.name)
        if value == field.default:
            continue
        option = flag(field.name)
        if field.name in named:
            # A folder called -x would be read as an option.
            argv.append(f"./{value}" if str(value).startswith("-") else str(value))
            continue
        if isinstance(value, bool):
            argv.append(option if value else "--no-" + option[2:])
        elif isinstance(value, tuple):
            argv += [option, *map(str, value)]
        else:
            argv.append(f"{option}={value}")
    return argv


def positional(kind: type[Job]) -> frozenset[str]:
    """The fields of a job that are given by their place, not by an option."""
    hints = get_type_hints(kind, include_extras=True)
    return frozenset(
        name
        for name, hint in hints.items()
        if tyro.conf.Positional in getattr(hint, "__metadata__", ())
    )


def problems(job: Job) -> list[str]:
    """What is wrong with a job's options, each line naming the option, its value and what fits."""
    return job.problems()


def as_dict(job: Job) -> dict[str, Any]:
    """A job's options as JSON types."""
    return {field.name: _plain(getattr(job, field.name)) for field in dataclasses.fields(job)}


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
