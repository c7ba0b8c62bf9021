"""Trials that are done, kept in a file: rounds of the injected faults that were ended go on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fwi import config
from probes import files
from tests.faults.fault import Fault
from tests.faults.harness import ROOT, Left, Tool, Trial

_CODE = ("fwi", "probes", "runner", "tests/faults")


class Kept:
    """The trials of one file, by round, fault and tool. Of another tool's only trial the round is
    0."""

    def __init__(self, place: Path) -> None:
        self._place = place
        place.parent.mkdir(parents=True, exist_ok=True)
        text = place.read_text() if place.exists() else ""
        if not text.endswith("\n"):
            # Ended within a line, which is then no trial.
            text = text[: text.rfind("\n") + 1]
            files.write_text(place, text)
        self.trials: dict[tuple[int, str, Tool], Trial] = {}
        for line in text.splitlines():
            # A line that a full disk cut is no trial: it is done again.
            with suppress(ValueError, KeyError, TypeError):
                key, trial = _trial(line)
                self.trials[key] = trial

    def add(self, number: int, fault: Fault, tool: Tool, trial: Trial) -> None:
        self.trials[number, fault.name, tool] = trial
        told = {"round": number, "fault": fault.name, "tool": tool, "trial": asdict(trial)}
        try:
            with self._place.open("a") as file:
                file.write(json.dumps(told) + "\n")
        except OSError as error:
            raise SystemExit(
                f"{self._place}: a trial cannot be kept: {error.strerror}; the others are, "
                "and the same command goes on with them"
            ) from None

    def done(self, tool: Tool) -> frozenset[tuple[int, str]]:
        return frozenset((number, name) for number, name, with_ in self.trials if with_ == tool)


def place(faults: Sequence[Fault], seed: int) -> Path:
    """The file of these faults in this order, as the code is now."""
    told = hashlib.sha256(f"{seed} {[repr(fault) for fault in faults]}".encode())
    for folder in _CODE:
        for file in sorted((ROOT / folder).rglob("*.py")):
            told.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return config.cache_dir() / f"faults-{told.hexdigest()[:12]}.jsonl"


def _trial(line: str) -> tuple[tuple[int, str, Tool], Trial]:
    told: dict[str, Any] = json.loads(line)
    fields = told["trial"]
    left = Left(**{name: tuple(things) for name, things in fields.pop("left").items()})
    return (told["round"], told["fault"], told["tool"]), Trial(left=left, **fields)
