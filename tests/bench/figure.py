"""One measured figure beside its target."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    name: str
    """What was measured, in the words of the table."""
    value: float
    unit: str
    target: str
    """The figure to reach, as a reader would write it: ``>= 15,000``."""
    met: bool | None
    """None where there is no target."""
    detail: str = ""
    """What it was measured on: sizes, repetitions, the spread."""
