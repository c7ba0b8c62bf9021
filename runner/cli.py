"""The command line of ``python -m runner``: which commands there are."""

from __future__ import annotations

import dataclasses
import errno
import functools
import importlib
import operator
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import tyro

from runner import early
from runner.commands.usage import UsageError, reader_may_be_gone
from runner.outcomes import USAGE_STATUS

COMMANDS: Mapping[str, str] = {
    "train": "train:TrainCommand",
    "synth": "synth:SynthCommand",
    "evaluate": "evaluate:EvaluateCommand",
    "exec": "execute:ExecCommand",
    "runs": "past_runs:RunsCommand",
    "show": "past_runs:ShowCommand",
    "report": "past_runs:ReportCommand",
    "watch": "past_runs:WatchCommand",
    "explain": "explain:ExplainCommand",
    "doctor": "doctor:DoctorCommand",
    "fit": "fit:FitCommand",
    "infer": "infer:InferCommand",
    "pack": "pack:PackCommand",
    "notebook": "notebook:NotebookCommand",
    "profile": "profile:ProfileCommand",
}
"""Each command's module in ``runner.commands`` and its class there. Only that of the command which
is asked for is imported: the others would stay in the supervisor's memory for as long as the job
runs."""

_PROGRAM = "python -m runner"
_NO_PATH = (errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES)
_LONGEST_SHOWN = 100
_CONFIG = (tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes)


def command_class(name: str) -> Any:
    """The class whose fields are the options of a command. Raises KeyError for an unknown name."""
    module, _, kind = COMMANDS[name].partition(":")
    return getattr(importlib.import_module(f"runner.commands.{module}"), kind)


def parse(arguments: Sequence[str]) -> Callable[[], int]:
    """The command line as data; called, it does what it says.

    Ends the process with status 2 for a wrong one.
    """
    own, rest = list(arguments), []
    if own[:1] == ["exec"] and "--" in own:
        split = own.index("--")
        own, rest = own[:split], own[split + 1 :]
    is_one = bool(own) and own[0] in COMMANDS
    command: Any = _parse_one(own[0], own[1:]) if is_one else _parse_any(own)
    if own[:1] == ["exec"]:
        command = dataclasses.replace(command, command=tuple(rest))
    parsed: Callable[[], int] = command
    return parsed


def _parse_one(name: str, options: Sequence[str]) -> Any:
    prog = f"{_PROGRAM} {name}"
    return tyro.cli(command_class(name), prog=prog, args=options, config=_CONFIG)


def _parse_any(arguments: Sequence[str]) -> Any:
    """For help, and for what is no command."""
    kinds = [Annotated[command_class(name), tyro.conf.subcommand(name)] for name in COMMANDS]
    commands: Any = functools.reduce(operator.or_, kinds)
    return tyro.cli(
        commands,
        prog=_PROGRAM,
        description="Supervise a job: notice a stall, explain a death, leave nothing behind.",
        args=arguments,
        config=_CONFIG,
    )


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


def _parsed(arguments: Sequence[str]) -> Callable[[], int]:
    """As :func:`parse`; nothing is to do where the reader of the help left before its end."""
    command: Callable[[], int] = int
    with early.ending_at_once(), reader_may_be_gone(sys.stdout):
        command = parse(arguments)
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status of a command line (default: this process's)."""
    _complete_standard_descriptors()
    try:
        return _parsed(sys.argv[1:] if arguments is None else arguments)()
    except UsageError as error:
        print(f"python -m runner: {error}", file=sys.stderr)
        return USAGE_STATUS
    except OSError as error:
        # A path of the command line that cannot even be looked at.
        if error.errno not in _NO_PATH or error.filename is None:
            raise
        from runner.console import printable

        name = os.fsdecode(error.filename)
        shown = name if len(name) <= _LONGEST_SHOWN else f"{name[:_LONGEST_SHOWN]}…"
        print(f"python -m runner: {printable(shown)}: {error.strerror}", file=sys.stderr)
        return USAGE_STATUS
