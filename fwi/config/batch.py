"""The batch size as an option: a number, or ``auto`` where somebody finds one."""

from __future__ import annotations

from typing import Annotated

from tyro.constructors import PrimitiveConstructorSpec

AUTO = -1
"""``--batch-size auto``: the runner finds a number and runs the job with it."""


def _read(words: list[str]) -> int:
    if words[0] == "auto":
        return AUTO
    number = int(words[0])
    if number < 0:
        raise ValueError("expected a whole number from 1, or auto")
    return number


BatchSize = Annotated[
    int,
    PrimitiveConstructorSpec(
        nargs=1,
        metavar="INT|auto",
        instance_from_str=_read,
        is_instance=lambda value: isinstance(value, int),
        str_from_instance=lambda value: ["auto" if value == AUTO else str(value)],
    ),
]
"""Samples a step, from 1; or ``AUTO``."""
