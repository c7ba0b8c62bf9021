"""What the ledger and the attempts' folders kept of a run over time, as columns."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from runner.report import told
from runner.report.timeline import Mix, Number, Samples, Series

_MOST_NAMES = 128
"""As many as a flight recorder has room for; a file may have been written by something else."""
_BYTES = ("host_pss", "host_rss", "host_uss", "shm", "torch_allocated", "torch_reserved")
COLUMNS = ("at_s", "attempt", "phase", "step", *_BYTES, "device_used")
"""Of a row of samples, in the order that :func:`samples` takes."""


def samples(rows: Iterable[tuple[Any, ...]]) -> Samples:
    """Rows of the ledger, oldest first, as columns. ``device_used`` is JSON: bytes by index."""
    table = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    column: dict[str, Any] = dict(zip(COLUMNS, table, strict=True))
    found: dict[str, list[Number | None]] = {
        name: list(column[name])
        for name in _BYTES
        if any(value is not None for value in column[name])
    }
    found |= _devices(column["device_used"])
    return Samples(
        at_s=column["at_s"],
        attempt=column["attempt"],
        phase=[name or "" for name in column["phase"]],
        step=[step or 0 for step in column["step"]],
        columns=found,
    )


def _devices(texts: Iterable[str | None]) -> dict[str, list[Number | None]]:
    read: dict[str | None, dict[str, int]] = {None: {}}
    looks = [read[text] if text in read else read.setdefault(text, _held(text)) for text in texts]
    indexes = sorted({index for look in read.values() for index in look}, key=lambda i: (len(i), i))
    return {f"device_used.{index}": [look.get(index) for look in looks] for index in indexes}


def _held(text: str | None) -> dict[str, int]:
    try:
        held = json.loads(text or "{}")
    except ValueError:
        return {}
    return (
        {str(k): v for k, v in held.items() if isinstance(v, int)} if isinstance(held, dict) else {}
    )


def curves(attempts: Iterable[str]) -> list[Series]:
    """The numbers that the job left, over time, from what the attempts' files hold, in order; a
    name's values of all attempts are one series. Lines that are damaged are left out."""
    found: dict[str, tuple[list[float], list[Number]]] = {}
    for text in attempts:
        for at_s, name, value in _changes(text):
            if name not in found and len(found) == _MOST_NAMES:
                continue
            at, values = found.setdefault(name, ([], []))
            if not at or at_s >= at[-1]:
                at.append(at_s)
                values.append(value)
    return [Series(name, at, values) for name, (at, values) in sorted(found.items())]


def spent(attempts: Iterable[str]) -> list[Mix]:
    """How long the job was in each phase, from what the attempts' files hold, in order: what each
    line has more than the one before it."""
    found: list[Mix] = []
    names: set[str] = set()
    for text in attempts:
        known: dict[str, float] = {}
        before = None
        for at_s, totals in _lines(text):
            changed = {name: s for name, s in totals.items() if 0 <= s < told.MOST_S}
            grown = {name: value - known.get(name, 0.0) for name, value in changed.items()}
            grown = {name: seconds for name, seconds in grown.items() if seconds > 0}
            names |= grown.keys()
            if len(names) > _MOST_NAMES:
                return found
            whole = sum(grown.values())
            begin = max(0.0, at_s - whole) if before is None else before
            if found:
                begin = max(begin, found[-1].end_s)
            if grown and at_s > begin:
                # A phase is charged when it is left, perhaps with time before the last line.
                fit = (at_s - begin) / whole
                parts = {name: fit * seconds for name, seconds in grown.items()}
                found.append(Mix(begin, at_s, parts))
            known |= changed
            before = at_s
    return found


def _changes(text: str) -> Iterable[tuple[float, str, float]]:
    for at_s, changed in _lines(text):
        yield from ((at_s, name, value) for name, value in changed.items())


def _lines(text: str) -> Iterable[tuple[float, dict[str, float]]]:
    for line in text.splitlines():
        try:
            at_s, changed = json.loads(line)
            found = {str(name): float(value) for name, value in changed.items()}
            if 0 <= at_s < told.MOST_S and all(map(math.isfinite, found.values())):
                yield float(at_s), found
        except (ValueError, TypeError, AttributeError, OverflowError):
            continue
