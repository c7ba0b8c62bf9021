"""A committed baseline of memory: what each configuration may hold. Pure.

``{"schema": 1, "tolerance": 0.02, "configurations": {"specproj/fp32/train/b4": {"predicted": bytes,
"measured": bytes}}}``; either may be missing. Bytes are those of tensors at the peak of the steady
step: the same on every machine, with or without a device.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner.profiling.configuration import Configuration, parse

TOLERANCE = 0.02
SCHEMA = 1


@dataclass(frozen=True)
class Held:
    """Bytes; None where the baseline does not hold it."""

    predicted: int | None = None
    measured: int | None = None


@dataclass(frozen=True)
class Baseline:
    configurations: Mapping[Configuration, Held]
    tolerance: float = TOLERANCE


@dataclass(frozen=True)
class Verdict:
    """One number beside its baseline."""

    configuration: Configuration
    what: str
    """predicted or measured."""
    before: int
    now: int
    tolerance: float

    @property
    def part(self) -> float:
        """By which it has grown."""
        return self.now / self.before - 1

    @property
    def has_grown(self) -> bool:
        return self.now > self.before * (1 + self.tolerance)

    @property
    def has_shrunk(self) -> bool:
        """So far that the baseline should follow."""
        return self.now < self.before * (1 - self.tolerance)


def read(text: str) -> Baseline:
    """Raises ValueError, saying what is wrong."""
    try:
        found = json.loads(text)
        if found["schema"] != SCHEMA:
            raise ValueError(f"schema {found['schema']}: this version reads {SCHEMA}")
        tolerance = float(found["tolerance"])
        if not 0 <= tolerance < 1:
            raise ValueError(f"tolerance {tolerance}: expected a part from 0, below 1")
        held = {parse(key): _held(value) for key, value in found["configurations"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is no baseline: {type(error).__name__} {error}") from error
    if not held:
        raise ValueError("it holds no configuration")
    return Baseline(held, tolerance)


def _held(found: Mapping[str, Any]) -> Held:
    numbers = {name: found.get(name) for name in ("predicted", "measured")}
    for name, number in numbers.items():
        if number is not None and (not isinstance(number, int) or number < 1):
            raise ValueError(f"{name} {number!r}: expected bytes, a whole number from 1")
    return Held(**numbers)


def write(baseline: Baseline) -> str:
    configurations = {
        one.step_key: {
            name: number
            for name, number in (("predicted", held.predicted), ("measured", held.measured))
            if number is not None
        }
        for one, held in baseline.configurations.items()
    }
    content = {
        "schema": SCHEMA,
        "tolerance": baseline.tolerance,
        "configurations": dict(sorted(configurations.items())),
    }
    return json.dumps(content, indent=2) + "\n"


def compare(
    baseline: Baseline,
    now: Mapping[Configuration, Held],
    tolerance: float | None = None,
) -> list[Verdict]:
    """A verdict for each number that is known on both sides."""
    allowed = baseline.tolerance if tolerance is None else tolerance
    found = []
    for one, held in baseline.configurations.items():
        other = now.get(one, Held())
        for what in ("predicted", "measured"):
            before, after = getattr(held, what), getattr(other, what)
            if before is not None and after is not None:
                found.append(Verdict(one, what, before, after, allowed))
    return found
