"""The commands of ``python -m runner``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from fwi import config
from runner import commands
from runner.options import Supervision
from runner.outcomes import USAGE_STATUS


@dataclass(frozen=True)
class TrainCommand:
    """Train a network under supervision; without --data, on a small set simulated on the spot."""

    job: config.Train = field(default_factory=config.Train)
    supervision: Supervision = field(default_factory=Supervision)

    def __call__(self) -> int:
        return commands.job(self.job, self.supervision)


@dataclass(frozen=True)
class SynthCommand:
    """Make velocity maps and simulate their seismic gathers, under supervision."""

    job: config.Synth = field(default_factory=config.Synth)
    supervision: Supervision = field(default_factory=Supervision)

    def __call__(self) -> int:
        return commands.job(self.job, self.supervision)


@dataclass(frozen=True)
class ExecCommand:
    """Supervise any command: python -m runner exec [options] -- command …"""

    supervision: Supervision = field(default_factory=Supervision)
    command: Annotated[tuple[str, ...], tyro.conf.Suppress] = ()

    def __call__(self) -> int:
        return commands.execute(self.command, self.supervision)


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
        return commands.runs(Supervision(runs_dir=self.runs_dir).runs(), self.limit, self.json)


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
        return commands.show(Supervision(runs_dir=self.runs_dir).runs(), self.run, self.json)


@dataclass(frozen=True, kw_only=True)
class ReportCommand:
    """Make the report of a run anew, also of a lost one: a page, Markdown, JSON or a trace."""

    run: Annotated[str, tyro.conf.Positional]
    """The run's id, or last."""
    format: Literal["html", "md", "json", "trace"] = "html"
    """trace is for Perfetto (ui.perfetto.dev) and chrome://tracing."""
    out: str | None = None
    """File to write; - is standard output. Default: in the run's folder."""
    runs_dir: Path | None = None
    """Folder of the ledger and the runs. Default: $FWI_RUNS_DIR, else runs."""

    def __call__(self) -> int:
        folder = Supervision(runs_dir=self.runs_dir).runs()
        return commands.report(folder, self.run, self.format, self.out)


@dataclass(frozen=True, kw_only=True)
class WatchCommand:
    """Show a run live while it goes on, from another terminal; Ctrl-C leaves the run alone."""

    run: Annotated[str, tyro.conf.Positional] = "last"
    """The run's id, or last."""
    runs_dir: Path | None = None
    """Folder of the ledger and the runs. Default: $FWI_RUNS_DIR, else runs."""

    def __call__(self) -> int:
        return commands.watch(Supervision(runs_dir=self.runs_dir).runs(), self.run)


@dataclass(frozen=True, kw_only=True)
class ExplainCommand:
    """Say what logs or stack dumps from anywhere tell, one line a file."""

    files: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Logs or stack dumps; - is standard input."""
    exit: str | None = None
    """How the job ended: its exit status, -N or the name of a signal. Default: not known."""
    json: bool = False
    """Print one JSON object a file."""

    def __call__(self) -> int:
        return commands.explain(self.files, self.exit, self.json)


@dataclass(frozen=True, kw_only=True)
class FitCommand:
    """Predict the device memory of networks, and the largest batch a device; no GPU is needed."""

    job: config.Footprint = field(default_factory=lambda: config.Footprint(batch_sizes=(16,)))
    gpus: tuple[str, ...] = ("t4", "p100", "l4", "a10g", "a100-40", "h100")
    """Devices: t4 p100 v100 v100-32 rtx3090 rtx4090 l4 a10g a100-40 a100-80 h100 h200."""
    json: bool = False
    """Print a JSON list."""

    def __call__(self) -> int:
        return commands.fit(self.job, self.gpus, self.json)


@dataclass(frozen=True, kw_only=True)
class DoctorCommand:
    """Say what would make the next run fail or hang, and what mends it."""

    fix: bool = False
    """Mend what is safe: lost runs and what is left of them, stale segments and locks."""
    runs_dir: Path | None = None
    """Folder of the ledger and the runs. Default: $FWI_RUNS_DIR, else runs."""
    json: bool = False
    """Print the findings as one line of JSON."""

    def __call__(self) -> int:
        return commands.doctor(Supervision(runs_dir=self.runs_dir).runs(), self.fix, self.json)


Command = (
    Annotated[TrainCommand, tyro.conf.subcommand("train")]
    | Annotated[SynthCommand, tyro.conf.subcommand("synth")]
    | Annotated[ExecCommand, tyro.conf.subcommand("exec")]
    | Annotated[RunsCommand, tyro.conf.subcommand("runs")]
    | Annotated[ShowCommand, tyro.conf.subcommand("show")]
    | Annotated[ReportCommand, tyro.conf.subcommand("report")]
    | Annotated[WatchCommand, tyro.conf.subcommand("watch")]
    | Annotated[ExplainCommand, tyro.conf.subcommand("explain")]
    | Annotated[DoctorCommand, tyro.conf.subcommand("doctor")]
    | Annotated[FitCommand, tyro.conf.subcommand("fit")]
)


def parse(
    arguments: Sequence[str],
) -> (
    TrainCommand
    | SynthCommand
    | ExecCommand
    | RunsCommand
    | ShowCommand
    | ReportCommand
    | WatchCommand
    | ExplainCommand
    | DoctorCommand
    | FitCommand
):
    """The command line as data. Ends the process with status 2 for a wrong one."""
    own, rest = list(arguments), []
    if own[:1] == ["exec"] and "--" in own:
        split = own.index("--")
        own, rest = own[:split], own[split + 1 :]
    command = tyro.cli(
        Command,
        prog="python -m runner",
        description="Supervise a job: notice a stall, explain a death, leave nothing behind.",
        args=own,
        config=(tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes),
    )
    if isinstance(command, ExecCommand):
        return ExecCommand(command.supervision, tuple(rest))
    return command


def _complete_standard_descriptors() -> None:
    """Put /dev/null where standard input, output or error is closed (``>&-``).

    The ledger or the log would get its number otherwise, and what is printed would go there.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            descriptor = os.open(os.devnull, os.O_RDWR)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status of a command line (default: this process's)."""
    _complete_standard_descriptors()
    try:
        return parse(sys.argv[1:] if arguments is None else arguments)()
    except commands.UsageError as error:
        print(f"python -m runner: {error}", file=sys.stderr)
        return USAGE_STATUS
