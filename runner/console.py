"""Our own lines to the person at the terminal: always on standard error, never waited for."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable

from runner import encodable
from runner.output import Sink

_LIVE_PERIOD = 0.2
_PLAIN_PERIOD = 30.0


class Console:
    """Lines, and one live line at the bottom where standard error is a terminal.

    Elsewhere the live line becomes a plain one every 30 seconds.
    """

    def __init__(self, descriptor: int = 2, *, live: bool) -> None:
        self.heard: Callable[[str, str], None] | None = None
        """Takes the kind and the text of every line that is worth keeping."""
        self._sink = Sink(descriptor)
        self._terminal = os.isatty(descriptor)
        self._wants_live = live
        self._shown = ""
        self._mid_line = False
        self._next = 0.0 if self._terminal else time.monotonic() + _PLAIN_PERIOD

    def say(self, text: str, kind: str = "note") -> None:
        """Print a line, and keep it as an event of this kind."""
        self.note(kind, text)
        self._print(text)

    def _print(self, text: str) -> None:
        self.clear()
        self._sink.write(f"{printable(text)}\n".encode("utf-8", "replace"))

    def note(self, kind: str, text: str) -> None:
        """Keep what is no news to the person at the terminal."""
        if self.heard is not None:
            self.heard(kind, text)

    def live(self, state: Callable[[], str]) -> None:
        """Show the state of the job, if it is time to; only then is it asked for."""
        now = time.monotonic()
        if not self._wants_live or now < self._next:
            return
        if not self._terminal:
            self._next = now + _PLAIN_PERIOD
            self._print(state())
            return
        self._next = now + _LIVE_PERIOD
        text = printable(state())[: max(20, shutil.get_terminal_size().columns - 1)]
        if text != self._shown:
            self._sink.write(f"\r\x1b[K{text}".encode("utf-8", "replace"))
            self._shown = text

    def clear(self) -> None:
        """Take the live line away, before something else is printed."""
        if self._shown:
            self._sink.write(b"\r\x1b[K")
            self._shown = ""

    def close(self) -> None:
        self.clear()
        self._sink.close()


def printable(text: str) -> str:
    """Without control characters: what a job names or prints must not steer the terminal. Bytes
    that are not UTF-8 are shown as ``\\xff``."""
    return "".join(c if c.isprintable() else "�" for c in encodable.text(text))
