"""A log's end → its lines and tracebacks. Pure.

A rank's name is kept beside its line, since the lines of two ranks may alternate. Frames of
tracebacks are told from messages: a line of source code says nothing about the end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from probes import late
from runner import line_prefix

_BOX = "│╭╰├┃┏┗╮╯─━"
_HEADER = "Traceback (most recent call last)"
_SUMMARY = late.compile(r"\s+(?:traceback : )?" + re.escape(_HEADER))
_CHAIN = (
    "During handling of the above exception",
    "The above exception was the direct cause",
    "terminated with the following error",
    "in DataLoader worker process",
    "in pin memory thread",
)
_FRAME = late.compile(r'\s+File "')
_BARE_FRAME = late.compile(r"File |Cell |Input In |<ipython|-+> |~?/\S+ in |\s*\.\.\. \d+ frames")
_SOURCE = late.compile(r"\s{4,}\S")
_MARKS = late.compile(r"[\s~^]*[\^~][\s~^]*$")
_NATIVE = late.compile(r"(?:frame )?#\d+:? |  @ +0x")
_EXCEPTION = late.compile(
    r"(?![EWIF]\d{4}|https?:)[A-Za-z_][\w.]*(?:\[\w+\])?(?::(?!\\)(?: |$)|: ?$| \()"
    r"|[\w.]*(?:Error|Exception|Interrupt|Exit|Iteration|Empty|Full|Timeout|Cancelled|Abort)\s*$"
    r"|[A-Z][a-z]+[A-Z]\w*$|[a-z_]\w*(?:\.\w+)+$"
)
_PROGRESS = late.compile(
    r"\b(?:step|epoch|iter(?:ation)?|batch)s?\b\W{0,3}\d.{0,200}\b(?:loss|acc|lr|it/s|s/it|eta)\b",
    re.IGNORECASE,
)
_IGNORED = ("Exception ignored in", "Error in atexit", "Error in sys.excepthook")
# Last words that only tell of another's end: the cause stands before them.
_CARRIER = late.compile(
    r"(?:[\w.]*\.)?(?:ChildFailedError|CalledProcessError|ProcessExitedException|SystemExit"
    r"|WorkerCrashedError|RayTaskError|WorkerGroupFailure\w*|ProcessRaisedException)\b"
    r"|(?:EOFError|(?:_?queue\.)?Empty|[\w.]*_RemoteTraceback)\s*:?\s*$"
    r"|(?:ConnectionResetError|BrokenPipeError|ConnectionRefusedError|ConnectionAbortedError)\b"
    r"|.{0,200}\b(?:[Rr]oot cause|[Ee]rrors?|[Ee]xceptions?|[Tt]raceback|[Ll]ogs?)\b.{0,20} above\b"
)


@dataclass(frozen=True)
class Line:
    text: str
    stream: str = ""
    """Who printed it, where a launcher says so."""
    is_frame: bool = False
    """Part of a traceback, or of a native stack: no message."""


@dataclass
class Trace:
    """A traceback; places are indices of lines."""

    start: int
    stream: str
    said: int | None = None
    """Where its exception stands; None: it is cut off."""
    is_chained: bool = False
    """Whether it belongs to the traceback before it."""
    is_direct: bool = False
    """Whether the one before it is its cause, not just what was being handled."""
    is_ignored: bool = False
    """Whether Python said that it lived on regardless."""


@dataclass(frozen=True)
class Log:
    lines: tuple[Line, ...]
    traces: tuple[Trace, ...] = field(default=())
    progress: tuple[int, ...] = ()
    """Places of lines in which a job that goes on reports where it is."""

    def exception(self, trace: Trace) -> str:
        return self.lines[trace.said].text if trace.said is not None else ""

    def is_carrier(self, trace: Trace) -> bool:
        """Whether it only tells of another's end, or is cut off."""
        return trace.said is None or bool(_CARRIER.match(self.exception(trace)))

    def context(self, start: int, end: int) -> str:
        return "\n".join(line.text for line in self.lines[start:end])

    def chain(self, last: Trace) -> list[Trace]:
        """The traceback with those of the same process that it is chained to, the first first."""
        found = [last]
        same = [trace for trace in self.traces if trace.stream == last.stream]
        place = same.index(last)
        while same[place].is_chained and place > 0:
            place -= 1
            found.insert(0, same[place])
        return found


def read(text: str) -> Log:
    """The last 600 lines. Never raises."""
    reader = _Reader()
    for line, stream in line_prefix.lines(text):
        reader.take(line, stream)
    reader.end()
    lines = tuple(reader.lines)
    progress = tuple(place for place, line in enumerate(lines) if _PROGRESS.search(line.text))
    return Log(lines, tuple(reader.traces), progress)


@dataclass
class _Stream:
    """What a process was printing."""

    open: Trace | None = None
    chained: bool = False
    direct: bool = False
    ignored: bool = False
    is_notebook: bool = False
    indent: int = 0
    """By how much the open traceback as a whole is indented, in a launcher's summary."""


class _Reader:
    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.traces: list[Trace] = []
        self._streams: dict[str, _Stream] = {}
        self._leading = True

    def take(self, text: str, stream: str) -> None:
        place = len(self.lines)
        state = self._streams.setdefault(stream, _Stream())
        if state.open is not None and text[: state.indent].isspace():
            text = text[state.indent :]
        is_frame = self._is_part(text, stream, state, place)
        self.lines.append(Line(text, stream, is_frame))
        if self._leading and text and not text[0].isspace():
            self._leading = False
            if not self.traces and not _EXCEPTION.match(text):
                self._unframe()

    def end(self) -> None:
        if self._leading and not self.traces:
            self._unframe()

    def _unframe(self) -> None:
        """The indented lines at the start were no end of a traceback."""
        self.lines = [Line(line.text, line.stream) for line in self.lines]

    def _is_part(self, text: str, stream: str, state: _Stream, place: int) -> bool:
        if _HEADER in text:
            self._begin(text, stream, state, place)
            return True
        if _NATIVE.match(text):
            return True
        if _FRAME.match(text):
            if state.open is None and self._leading:
                self._begin("", stream, state, place)
            return True
        if _MARKS.match(text):
            return True
        if state.open is None:
            if any(mark in text for mark in _CHAIN):
                state.chained, state.direct = True, "During handling" not in text
            elif text.startswith(_IGNORED):
                state.ignored = True
            elif text and not text.startswith(("-- ", '"""', " ")):
                state.chained = state.ignored = False
            # A log that begins in the middle of a traceback.
            return self._leading and bool(_SOURCE.match(text))
        if not text or text[0].isspace() or text[0] in _BOX:
            return True
        if state.is_notebook and (_BARE_FRAME.match(text) or not _EXCEPTION.match(text)):
            return True
        if _EXCEPTION.match(text):
            state.open.said = place
            state.open = None
            if any(mark in text for mark in _CHAIN):
                state.chained = state.direct = True
        return False

    def _begin(self, header: str, stream: str, state: _Stream, place: int) -> None:
        trace = Trace(
            place,
            stream,
            is_chained=state.chained or "Original " in header,
            is_direct=state.direct or "Original " in header,
            is_ignored=state.ignored,
        )
        state.open = trace
        state.indent = len(header) - len(header.lstrip()) if _SUMMARY.match(header) else 0
        state.chained = state.direct = state.ignored = False
        state.is_notebook = bool(re.match(r"[\w.]+ {2,}" + _HEADER[:9], header))
        self.traces.append(trace)
