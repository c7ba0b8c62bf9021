"""The command line of ``python -m runner``: which commands there are."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import tyro

from runner.commands.doctor import DoctorCommand
from runner.commands.evaluate import EvaluateCommand
from runner.commands.execute import ExecCommand
from runner.commands.explain import ExplainCommand
from runner.commands.fit import FitCommand
from runner.commands.infer import InferCommand
from runner.commands.notebook import NotebookCommand
from runner.commands.pack import PackCommand
from runner.commands.past_runs import ReportCommand, RunsCommand, ShowCommand, WatchCommand
from runner.commands.profile import ProfileCommand
from runner.commands.synth import SynthCommand
from runner.commands.train import TrainCommand
from runner.commands.usage import UsageError
from runner.outcomes import USAGE_STATUS

Command = (
    Annotated[TrainCommand, tyro.conf.subcommand("train")]
    | Annotated[SynthCommand, tyro.conf.subcommand("synth")]
    | Annotated[EvaluateCommand, tyro.conf.subcommand("evaluate")]
    | Annotated[ExecCommand, tyro.conf.subcommand("exec")]
    | Annotated[RunsCommand, tyro.conf.subcommand("runs")]
    | Annotated[ShowCommand, tyro.conf.subcommand("show")]
    | Annotated[ReportCommand, tyro.conf.subcommand("report")]
    | Annotated[WatchCommand, tyro.conf.subcommand("watch")]
    | Annotated[ExplainCommand, tyro.conf.subcommand("explain")]
    | Annotated[DoctorCommand, tyro.conf.subcommand("doctor")]
    | Annotated[FitCommand, tyro.conf.subcommand("fit")]
    | Annotated[InferCommand, tyro.conf.subcommand("infer")]
    | Annotated[PackCommand, tyro.conf.subcommand("pack")]
    | Annotated[NotebookCommand, tyro.conf.subcommand("notebook")]
    | Annotated[ProfileCommand, tyro.conf.subcommand("profile")]
)


def parse(arguments: Sequence[str]) -> Callable[[], int]:
    """The command line as data; called, it does what it says.

    Ends the process with status 2 for a wrong one.
    """
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
    except UsageError as error:
        print(f"python -m runner: {error}", file=sys.stderr)
        return USAGE_STATUS
