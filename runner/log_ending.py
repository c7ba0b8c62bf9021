"""Which lines of a log can explain its end. Pure.

A message that was caught and lived through does not explain a later exception: where a log ends
in a traceback, that one counts, with those it is chained to and what follows. But some last words
only carry another's death: a launcher's summary, a bare EOFError at the other end of a pipe, a
child's status. Then the region before them is asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_END_LINES = 60
_LINES = 600
_LENGTH = 4000

_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*\x07|[@-_])")
_PREFIXES = re.compile(
    r"^(?:\[(?:default\d*:)?(?:rank ?|Rank ?)?\d+(?:, ?\d+)?\](?:<std(?:out|err)>)?:? ?"
    r"|\(\w+ pid=\d+[^)]*\) ?|rank ?\d+: |\[\d+(?:,\d+)?\]<std(?:out|err)>: ?|\d{1,4}: (?=\S))"
)
_STAMP = re.compile(
    r"^\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]?"
    r"(?: ?[|-] ?)?(?: ?\[?(?:ERROR|CRITICAL|INFO|WARNING)\]?)?(?: ?[|:-])? *"
)
_TRACEBACK = "Traceback (most recent call last):"
_CHAIN = (
    "During handling of the above exception",
    "The above exception was the direct cause",
)
_FRAME = re.compile(r'^\s+File "')
_CARETS = re.compile(r"^[\s~^]*[\^~][\s~^]*$")
# Printed under every CUDA error, whatever it was.
_BOILERPLATE = re.compile(
    r"TORCH_USE_CUDA_DSA|CUDA_LAUNCH_BLOCKING|asynchronously reported|in https://docs\.nvidia\.com"
    r"|^frame #\d+|^\s*#\d+ 0x"
)
_CARRIER = re.compile(
    r"^(?:[\w.]*\.)?(?:ChildFailedError|CalledProcessError|ProcessExitedException|SystemExit"
    r"|WorkerCrashedError|RayTaskError)\b"
    r"|^(?:EOFError|BrokenPipeError.*|ConnectionResetError.*|ConnectionRefusedError.*|queue\.Empty"
    r"|_queue\.Empty|SystemExit)\s*:?\s*$"
    r"|^(?:ConnectionResetError|BrokenPipeError): \[Errno \d+\]"
    r"|returned non-zero exit status"
)
_EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(?::| *$)")


@dataclass(frozen=True)
class Region:
    """A stretch of the log with its last words."""

    lines: tuple[str, ...]
    """Messages: frames of Python are left out."""
    context: str
    """The whole stretch, frames too."""
    is_carrier: bool


def clean(text: str) -> list[str]:
    """The last lines without colours, carriage returns, time stamps and names of ranks."""
    found = []
    for raw in text.splitlines()[-_LINES:]:
        line = _ANSI.sub("", raw).rstrip("\r").rpartition("\r")[2][:_LENGTH]
        for _ in range(2):
            line = _PREFIXES.sub("", line, count=1)
        found.append(_STAMP.sub("", line, count=1).rstrip())
    return found


def regions(lines: Sequence[str]) -> list[Region]:
    """The stretches that can explain the end, the likeliest first; more than one only where the
    last words are another's."""
    starts = [
        i for i, line in enumerate(lines) if _TRACEBACK in line and "Original Traceback" not in line
    ]
    ends = [*starts[1:], len(lines)]
    found: list[Region] = []
    first = len(lines)
    place = len(starts) - 1
    while place >= 0:
        first, last = starts[place], ends[place]
        while place > 0 and any(
            mark in line for line in lines[starts[place - 1] : first] for mark in _CHAIN
        ):
            place -= 1
            first = starts[place]
        region = _region(lines[first:last])
        found.append(region)
        if not region.is_carrier:
            return found
        place -= 1
    found.append(_region(lines[max(0, first - _END_LINES) : first]))
    return found


def _region(lines: Sequence[str]) -> Region:
    messages = _messages(lines)
    return Region(
        lines=tuple(line for line in messages if not _BOILERPLATE.search(line)),
        context="\n".join(lines),
        is_carrier=_is_carrier(lines, messages),
    )


def _messages(lines: Sequence[str]) -> list[str]:
    found = []
    skip = False
    for line in lines:
        if _FRAME.match(line):
            skip = True
        elif skip and line.startswith("    "):
            # The source line of a frame, and the marks below it.
            skip = bool(line.strip()) and not _CARETS.match(line)
        elif not _CARETS.match(line):
            skip = False
            found.append(line)
    return found


def _is_carrier(lines: Sequence[str], messages: Sequence[str]) -> bool:
    """Whether the last exception only tells of another's end, or is cut off."""
    if not any(_TRACEBACK in line for line in lines):
        return False
    tail = [line for line in messages if line.strip()]
    last = max((i for i, line in enumerate(tail) if _TRACEBACK in line), default=0)
    after = [line for line in tail[last + 1 :] if _EXCEPTION.match(line)]
    return not after or bool(_CARRIER.search(after[0]))
