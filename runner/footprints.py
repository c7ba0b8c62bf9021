"""Children that find footprints (``python -m fwi footprint``), asked one configuration at a time
each: torch is imported there, and once."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any

_BOUND_S = 600.0
"""For one configuration. The largest take seconds."""
_LAST_WORDS = 1 << 12

Footprint = Mapping[str, Any]


class FootprintError(Exception):
    """A footprint was not found; the message is the child's last line."""


class Footprints:
    """``with Footprints(count) as footprints: footprints.find(…)``. Raises FootprintError."""

    def __init__(self, most: int, say: Callable[[str], None], casts: str = "cuda") -> None:
        """``most`` children at once. ``casts``: the device whose autocast they follow."""
        self._most = max(1, min(most, len(os.sched_getaffinity(0))))
        self._say = say
        self._casts = casts
        self._children: list[subprocess.Popen[bytes]] = []
        self._known: dict[str, Footprint] = {}

    def __enter__(self) -> Footprints:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for child in self._children:
            child.kill()
            child.communicate()
        self._children.clear()

    def find(self, configurations: Iterable[Mapping[str, Any]]) -> list[Footprint]:
        """The footprint of each, in their order. A configuration is what one line of the child's
        standard input holds: model, dtype, mode, batch_size, activation_checkpointing."""
        asked = [json.dumps(dict(one), sort_keys=True) for one in configurations]
        waiting = [text for text in dict.fromkeys(asked) if text not in self._known]
        while len(self._children) < min(self._most, len(waiting)):
            self._children.append(_child(self._casts))
        busy: dict[int, tuple[subprocess.Popen[bytes], str]] = {}
        with selectors.DefaultSelector() as selector:
            for child in self._children:
                if waiting:
                    self._ask(child, waiting.pop(0), busy, selector)
            while busy:
                until = time.monotonic() + _BOUND_S
                ready = selector.select(max(0.0, until - time.monotonic()))
                if not ready:
                    raise FootprintError(f"no footprint came in {_BOUND_S:.0f} s: ask for less")
                for key, _ in ready:
                    child, text = busy.pop(key.fd)
                    selector.unregister(key.fd)
                    self._known[text] = self._answer(child, text)
                    if waiting:
                        self._ask(child, waiting.pop(0), busy, selector)
        return [self._known[text] for text in asked]

    def _ask(
        self,
        child: subprocess.Popen[bytes],
        text: str,
        busy: dict[int, tuple[subprocess.Popen[bytes], str]],
        selector: selectors.BaseSelector,
    ) -> None:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write(text.encode() + b"\n")
            child.stdin.flush()
        except BrokenPipeError:
            raise FootprintError(_last_words(child)) from None
        busy[child.stdout.fileno()] = child, text
        selector.register(child.stdout.fileno(), selectors.EVENT_READ)

    def _answer(self, child: subprocess.Popen[bytes], text: str) -> Footprint:
        assert child.stdout is not None
        # A child writes a line at once and whole.
        line = child.stdout.readline()
        if not line.endswith(b"\n"):
            raise FootprintError(_last_words(child))
        found: Footprint = json.loads(line)
        if "error" in found:
            raise FootprintError(str(found["error"]))
        self._say(f"{found['model']} {found['dtype']} {found['mode']}, batch {found['batch_size']}")
        return found


def _child(casts: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "fwi", "footprint", "--ask", f"--casts={casts}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # One thread each: nothing is computed, and the children share the processors.
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"},
    )


def _last_words(child: subprocess.Popen[bytes]) -> str:
    _, error = child.communicate()
    words = error[-_LAST_WORDS:].decode("utf-8", "replace").strip().splitlines()
    return words[-1] if words else f"the child ended with {child.returncode}"
