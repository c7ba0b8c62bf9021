"""A committed baseline of memory: what each configuration may hold. Pure.

``{"schema": 1, "tolerance": 0.02, "configurations": {"specproj/fp32/train/b4": {"predicted": bytes,
"measured": bytes}}}``; either may be missing. Bytes are those of tensors at the peak of the steady
step: the same on every machine, with or without a device.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fwi import config
from runner import machine_json
from runner.profiling.configuration import Configuration, parse
from runner.report import told

TOLERANCE = 0.02
SCHEMA = 1
WHAT = ("predicted", "measured")


@dataclass(frozen=True)
class Held:
    """Bytes; None where the baseline does not hold it."""

    predicted: int | None = None
    measured: int | None = None
    unmeasured: str = ""
    """Of a profile that was asked: why it has no measured bytes."""


@dataclass(frozen=True)
class Baseline:
    configurations: Mapping[Configuration, Held]
    tolerance: float = TOLERANCE


@dataclass(frozen=True)
class Verdict:
    """One number beside its baseline, or why there is none."""

    configuration: Configuration
    what: str
    """predicted or measured."""
    before: int
    now: int | None
    tolerance: float
    why_not: str = ""
    """Why there is no number."""

    @property
    def part(self) -> float | None:
        """By which it has grown; None where there is no number."""
        return None if self.now is None else self.now / self.before - 1

    @property
    def has_grown(self) -> bool:
        return self.now is not None and self.now > self.before * (1 + self.tolerance)

    @property
    def has_shrunk(self) -> bool:
        """So far that the baseline should follow."""
        return self.now is not None and self.now < self.before * (1 - self.tolerance)

    @property
    def has_failed(self) -> bool:
        """Whether the gate is closed: bytes that are not known may have grown."""
        return self.now is None or self.has_grown


def read(text: str) -> Baseline:
    """Raises ValueError, saying what is wrong."""
    try:
        found = json.loads(text)
        if not isinstance(found, dict):
            raise TypeError("expected a JSON object")
        if found["schema"] != SCHEMA:
            raise ValueError(f"schema {found['schema']}: this version reads {SCHEMA}")
        _refuse_unknown(found, ("schema", "tolerance", "configurations"))
        tolerance = float(found["tolerance"])
        if not 0 <= tolerance < 1:
            raise ValueError(f"tolerance {tolerance}: expected a part from 0, below 1")
        held = {
            replace(parse(key), workers=0): _held(key, value)
            for key, value in found["configurations"].items()
        }
    except RecursionError as error:
        raise ValueError("it is no baseline: nested too deeply") from error
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"it is no baseline: {type(error).__name__} {error}") from error
    if not held:
        raise ValueError("it holds no configuration")
    for one in held:
        if one.activation_checkpointing and one.model not in config.RECOMPUTABLE:
            able = ", ".join(config.RECOMPUTABLE)
            raise ValueError(f"{one.step_key}: expected recompute with a model of {able}")
    if len(held) < len(found["configurations"]):
        raise ValueError("it holds a configuration twice: workers make no difference to its bytes")
    return Baseline(held, tolerance)


def _held(key: str, found: Any) -> Held:
    """Raises ValueError for what would be compared with nothing."""
    if not isinstance(found, dict):
        raise ValueError(f"{key}: {found!r}: expected predicted or measured bytes, or both")
    _refuse_unknown(found, WHAT, f"{key}: ")
    numbers = {name: found.get(name) for name in WHAT}
    for name, number in numbers.items():
        if number is not None and not _is_size(number):
            raise ValueError(f"{key}: {name} {number!r}: expected bytes, a whole number from 1")
    if all(number is None for number in numbers.values()):
        raise ValueError(f"{key}: {found!r}: expected predicted or measured bytes, or both")
    return Held(numbers["predicted"], numbers["measured"])


def _refuse_unknown(found: Mapping[str, Any], known: Sequence[str], place: str = "") -> None:
    for name in found.keys() - set(known):
        raise ValueError(f"{place}unknown key {name!r}: expected some of {', '.join(known)}")


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and bool(told.size(value))


def write(baseline: Baseline) -> str:
    configurations = {
        one.step_key: {name: number for name in WHAT if (number := getattr(held, name)) is not None}
        for one, held in baseline.configurations.items()
    }
    content = {
        "schema": SCHEMA,
        "tolerance": baseline.tolerance,
        "configurations": dict(sorted(configurations.items())),
    }
    return machine_json.dumps(content, indent=2) + "\n"


def compare(
    baseline: Baseline,
    now: Mapping[Configuration, Held],
    tolerance: float | None = None,
) -> list[Verdict]:
    """A verdict for each number that is known on both sides, and for measured bytes that a profile
    was asked for and does not have."""
    allowed = baseline.tolerance if tolerance is None else tolerance
    found = []
    for one, held in baseline.configurations.items():
        other = now.get(one, Held())
        for what in WHAT:
            before, after = getattr(held, what), getattr(other, what)
            why_not = other.unmeasured if what == "measured" else ""
            if before is not None and (after is not None or why_not):
                found.append(Verdict(one, what, before, after, allowed, why_not))
    return found


def renewed(
    baseline: Baseline | None, now: Mapping[Configuration, Held], tolerance: float | None
) -> Baseline:
    """Of what is known ``now``. Of the baseline that was there the tolerance stays, unless another
    is given, and so do measured bytes that are not measured now."""
    before = Baseline({}) if baseline is None else baseline
    held = {}
    for one, found in now.items():
        old = before.configurations.get(one, Held())
        measured = old.measured if found.measured is None else found.measured
        held[one] = Held(found.predicted, measured)
    return Baseline(held, before.tolerance if tolerance is None else tolerance)
