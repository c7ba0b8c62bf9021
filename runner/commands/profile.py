"""``profile``: many configurations measured, compared, and held to a committed baseline."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fwi import config
from runner.commands.usage import UsageError, refuse
from runner.options import Supervision

if TYPE_CHECKING:
    from runner.profiling.configuration import Matrix
    from runner.profiling.store import Profile

_INTERRUPTED_STATUS = 130
_COMBINED = ("models", "batch_sizes", "dtypes", "modes", "workers")
"""Options whose every combination is a configuration."""


@dataclass(frozen=True, kw_only=True)
class ProfileCommand:
    """Measure every combination of models, batch sizes, precisions, modes and loader workers, each
    in a fresh supervised process; compare profiles; or hold memory to a baseline."""

    models: tuple[config.Model, ...] | None = None
    """Networks. Default: specproj."""
    batch_sizes: tuple[int, ...] | None = None
    """Samples a step. Default: 1."""
    dtypes: tuple[config.Precision, ...] | None = None
    """Precisions. Default: fp32."""
    modes: tuple[config.Mode, ...] | None = None
    """What is done with the network. Default: train."""
    workers: tuple[int, ...] | None = None
    """Loader processes. Default: 0."""
    activation_checkpointing: bool = False
    """As of the train job, in every configuration."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    steps: int | None = None
    """Timed steps of a configuration. Default: 3."""
    warmup: int | None = None
    """Steps before them that are neither timed nor followed. Default: 1."""
    run_too_large: bool = False
    """Run also what is predicted not to fit."""
    resume: str | None = None
    """Go on with a profile: its id, or last. Its own configurations, steps and device hold; what
    was predicted not to fit is judged again."""
    diff: tuple[str, str] | None = None
    """Explain the difference between two profiles (id, last or folder), or between two of their
    configurations: last:specproj-original/fp32/train/b1/w0."""
    gate: Path | None = None
    """Fail where the predicted bytes of a configuration in this file have grown; nothing is run."""
    of: str | None = None
    """With --gate: a profile, whose measured bytes are held to the file too."""
    update: bool = False
    """With --gate: write the file anew, of its own configurations; of those asked for here where
    --models or another of the options that combine is given, or there is no such file. Its
    tolerance stays unless --tolerance is given, its measured bytes unless --of has others."""
    tolerance: float | None = None
    """With --gate: the part by which bytes may grow. Default: the file's, or 0.02."""
    supervision: Supervision = field(
        default_factory=lambda: Supervision(deadline=1800.0, max_host_memory="90%", sample=0.25)
    )

    def __call__(self) -> int:
        refuse(self._problems())
        if self.diff is not None:
            from runner.commands import profile_diff

            return profile_diff.show(*self.diff, self.supervision.runs(), self.supervision.json)
        if self.gate is not None:
            from runner.commands import profile_gate

            return profile_gate.hold(self)
        return _profile(self)

    def matrix(self) -> Matrix:
        from runner.profiling.configuration import Matrix

        return Matrix(
            models=self.models or ("specproj",),
            batch_sizes=self.batch_sizes or (1,),
            dtypes=self.dtypes or ("fp32",),
            modes=self.modes or ("train",),
            workers=self.workers or (0,),
            activation_checkpointing=self.activation_checkpointing,
        )

    @property
    def has_matrix(self) -> bool:
        """Whether configurations are asked for, and not left to the defaults."""
        given = any(getattr(self, name) is not None for name in _COMBINED)
        return given or self.activation_checkpointing

    def _problems(self) -> list[str]:
        from runner.profiling.configuration import MOST

        found = self.supervision.problems()
        for name in _COMBINED:
            if getattr(self, name) == ():
                found.append(f"--{name.replace('_', '-')}: expected at least one")
        for option, numbers, least in (
            ("--batch-sizes", self.batch_sizes, 1),
            ("--workers", self.workers, 0),
        ):
            for number in numbers or ():
                if number < least:
                    found.append(f"{option} {number}: expected whole numbers from {least}")
                elif number > MOST:
                    found.append(f"{option} {number}: expected at the most {MOST}")
        if not found:
            found += _job_problems(self)
        if self.tolerance is not None and not 0 <= self.tolerance < 1:
            found.append(f"--tolerance {self.tolerance}: expected a part from 0, below 1")
        asked = [name for name in ("resume", "diff", "gate") if getattr(self, name) is not None]
        if len(asked) > 1:
            found.append(f"--{' and --'.join(asked)}: one at a time")
        for name in ("of", "update", "tolerance"):
            if getattr(self, name) not in (None, False) and self.gate is None:
                found.append(f"--{name}: goes with --gate FILE")
        if self.resume is not None and self.has_matrix:
            found.append("--resume takes the profile's own configurations: leave out the others")
        return found + self._ignored()

    def _ignored(self) -> list[str]:
        """Options that would make no difference."""
        found = []
        for name, is_alone, whose in (
            ("diff", True, "the configurations of both profiles; PROFILE:CONFIGURATION names one"),
            ("gate", not self.update, "the file's own configurations; --update writes others"),
        ):
            if getattr(self, name) is None:
                continue
            if is_alone and self.has_matrix:
                found.append(f"--{name} takes {whose}: leave out the others")
            given = {
                "--steps": self.steps is not None,
                "--warmup": self.warmup is not None,
                "--run-too-large": self.run_too_large,
                "--device": self.device != "auto",
            }
            found += [
                f"{option}: nothing is run with --{name}; leave it out"
                for option, is_given in given.items()
                if is_given
            ]
        return found


def _job_problems(asked: ProfileCommand) -> list[str]:
    """What the measure job would say, of each network once."""
    found: list[str] = []
    steps, warmup = _steps(asked)
    for model in dict.fromkeys(asked.matrix().models):
        found += config.problems(
            config.Measure(
                model=model,
                device=asked.device,
                steps=steps,
                warmup=warmup,
                activation_checkpointing=asked.activation_checkpointing,
            )
        )
    return list(dict.fromkeys(found))


def _steps(asked: ProfileCommand) -> tuple[int, int]:
    """Timed ones of a new profile, and those before them."""
    job = config.Measure()
    return (
        job.steps if asked.steps is None else asked.steps,
        job.warmup if asked.warmup is None else asked.warmup,
    )


def _profile(asked: ProfileCommand) -> int:
    from runner import past_overheads, where
    from runner.console import Console
    from runner.footprints import FootprintError
    from runner.profiling import predicting, running, store

    console = Console(live=True)
    try:
        profile, place = _opened(asked, console)
        room = (
            where.host_room(asked.supervision.max_host_memory)
            if place.is_cpu
            else where.device_room(place)
        )
        how = running.How(
            where=place,
            room=room,
            supervision=asked.supervision,
            steps=profile.steps,
            warmup=profile.warmup,
            run_too_large=asked.run_too_large,
            overheads={}
            if place.is_cpu
            else past_overheads.of(asked.supervision.runs(), console.say),
        )
        left = running.left(profile, how)
        console.say(f"profile {profile.id} on {place.name}: predicting {len(left)} configurations")
        found = predicting.footprints(
            left,
            "cpu" if place.is_cpu else "cuda",
            lambda text: console.live(lambda: f"footprint of {text}"),
        )
        console.clear()
        complete = running.run(profile, found, how, console.say)
        _write(profile)
        if not complete:
            console.say(f"stopped; go on with: python -m runner profile --resume {profile.id}")
    except (where.NoDevice, FootprintError, store.NoProfile) as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(
            f"{error.filename or asked.supervision.runs()}: {error.strerror or error}"
        ) from error
    except KeyboardInterrupt:
        console.say("stopped; go on with: python -m runner profile --resume last")
        return _INTERRUPTED_STATUS
    finally:
        console.close()
    _show(profile, asked.supervision.json)
    return 0 if complete else _INTERRUPTED_STATUS


def _opened(asked: ProfileCommand, console: Any) -> tuple[Profile, Any]:
    """The profile that is asked for, new or to go on with, and where it computes. Raises
    UsageError for options that are not those of the profile to go on with."""
    from runner import machine, where
    from runner.profiling import store

    runs = asked.supervision.runs()
    if asked.resume is not None:
        profile = store.find(runs, asked.resume)
        refuse(_contradictions(asked, profile))
        return profile, where.resolve(profile.device)
    place = where.resolve(asked.device)
    matrix = asked.matrix()
    if place.is_cpu and "fp16" in matrix.dtypes:
        console.say("fp16 is emulated on a CPU: its rows are predicted, not measured")
    steps, warmup = _steps(asked)
    description = {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "device": place.name,
        "device_name": place.device.name if place.device else None,
        "device_total": place.device.total if place.device else None,
        "steps": steps,
        "warmup": warmup,
        "machine": machine.facts(),
    }
    return store.begin(runs, matrix, description), place


def _contradictions(asked: ProfileCommand, profile: Profile) -> list[str]:
    """Options that would be left out of account: the rows of a profile are measured alike."""
    device = "cuda:0" if asked.device == "cuda" else asked.device
    return [
        f"--{name} {given}: profile {profile.id} has {own}, which holds with --resume; "
        "leave the option out, or begin another profile"
        for name, given, own in (
            ("steps", asked.steps, profile.steps),
            ("warmup", asked.warmup, profile.warmup),
            ("device", None if device == "auto" else device, profile.device),
        )
        if given not in (None, own)
    ]


def _write(profile: Profile) -> None:
    """The profile's files. Raises OSError, and UsageError where plotly is missing."""
    from probes import files
    from runner.report import profile as report
    from runner.report.plotly_script import NoPlotly

    try:
        for form in ("json", "md", "html"):
            files.write_text(profile.folder / f"report.{form}", report.FORMS[form](profile))
    except NoPlotly as error:
        raise UsageError(f"the rows are measured, their page is not made: {error}") from error


def _show(profile: Profile, as_json: bool) -> None:
    import sys

    from runner.commands.usage import reader_may_be_gone
    from runner.report import profile as report

    with reader_may_be_gone(sys.stdout):
        if as_json:
            sys.stdout.write(report.as_json(profile))
            return
        from runner.report import terminal_tables

        rows = profile.rows()
        terminal_tables.show(report.HEAD, [report.cells(row) for row in rows])
        print(f"\n{profile.page}")
