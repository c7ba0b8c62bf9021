"""All jobs by name, and what holds for each: as arguments, as JSON, what is wrong with it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from fwi.config.checks import flag
from fwi.config.count import Count
from fwi.config.footprint import Footprint
from fwi.config.measure import Measure
from fwi.config.synth import Synth
from fwi.config.train import Train

Job = Train | Synth | Footprint | Measure | Count
JOBS: dict[str, type[Job]] = {
    "train": Train,
    "synth": Synth,
    "footprint": Footprint,
    "measure": Measure,
    "count": Count,
}


def job_name(job: Job) -> str:
    """The command of a job: ``Train()`` → ``"train"``."""
    return next(name for name, kind in JOBS.items() if type(job) is kind)


def to_argv(job: Job) -> list[str]:
    """Arguments after ``python -m fwi JOB`` that give this job again; defaults are left out."""
    argv: list[str] = []
    for field in dataclasses.fields(job):
        value = getattr(job, field.name)
        if value == field.default:
            continue
        option = flag(field.name)
        if isinstance(value, bool):
            argv.append(option if value else "--no-" + option[2:])
        elif isinstance(value, tuple):
            argv += [option, *map(str, value)]
        else:
            argv.append(f"{option}={value}")
    return argv


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
