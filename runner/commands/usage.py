"""Options that cannot work, and readers that are gone: what every command shares."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator, Sequence
from typing import TextIO


class UsageError(Exception):
    """Options that cannot work; one line for each."""


def refuse(problems: Sequence[str]) -> None:
    """Raise UsageError where there is something wrong."""
    if problems:
        raise UsageError("\n".join(problems))


@contextlib.contextmanager
def reader_may_be_gone(stream: TextIO) -> Iterator[None]:
    """A closed terminal or pipe changes neither the outcome nor the exit status: everything is in
    the run's folder. What is still to be flushed at the exit goes nowhere."""
    try:
        yield
        stream.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def for_stream(made: str, stream: TextIO) -> str:
    """With character references in the place of what the stream's encoding does not have: HTML and
    Markdown show them as the signs that they stand for."""
    encoding = stream.encoding or "utf-8"
    return made.encode(encoding, "xmlcharrefreplace").decode(encoding)


def is_standard_output(out: str) -> bool:
    """Whether ``-``, or a name of what standard output is: /dev/stdout, its terminal, its file."""
    if out == "-":
        return True
    with contextlib.suppress(OSError):
        return os.path.samestat(os.stat(out), os.fstat(1))
    return False


def show_any_sign(stream: TextIO) -> None:
    """From now on what the stream's encoding does not have is shown as a question mark: a table
    for a person, whose signs no other program reads."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
