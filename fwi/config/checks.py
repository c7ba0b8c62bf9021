"""What the checks of all jobs' options share."""

from __future__ import annotations

from typing import Any


class Require:
    """Collects what is wrong with a job's options: ``require = Require(job)``, then
    ``require("epochs", job.epochs >= 1, "a whole number from 1")`` for each; ``require.found``."""

    def __init__(self, job: Any) -> None:
        self._job = job
        self.found: list[str] = []

    def __call__(self, name: str, ok: bool, expected: str) -> None:
        if not ok:
            self.found.append(f"{flag(name)} {getattr(self._job, name)}: expected {expected}")


def flag(name: str) -> str:
    """The option of a field: ``batch_size`` → ``--batch-size``."""
    return "--" + name.replace("_", "-")


def is_device(name: str) -> bool:
    """Whether a name is auto, cpu, cuda or cuda:N."""
    if name in ("auto", "cpu", "cuda"):
        return True
    kind, _, index = name.partition(":")
    return kind == "cuda" and index.isdecimal()
