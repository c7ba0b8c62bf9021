"""Whether what a file tells is of the form that it must have. The folder of a run is the job's to
write to: a number may be a word there, a list a number, and a size have four hundred digits. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

_MOST_BYTES = 1 << 60
_MOST = 1 << 64
"""Of any other number: what a counter of the kernel can hold."""
MOST_S = 1e10
"""Seconds, some three hundred years."""
_LONGEST_PLACE = 100

Form = Callable[[Any], str | None]
"""Where a value is not as it must be (``.peaks.shm``, empty for itself); None where it is."""


def size(value: Any) -> int | None:
    """Bytes; None for what cannot be that."""
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0 <= value < _MOST_BYTES
    ):
        return None
    return int(value)


def anything(_: Any) -> str | None:
    return None


def text(value: Any) -> str | None:
    return None if isinstance(value, str) else ""


def whole(value: Any) -> str | None:
    return None if _is_whole(value) else ""


def number(value: Any) -> str | None:
    """Any that a job may leave, one that is not finite too, as Python writes it."""
    return None if isinstance(value, float) or _is_whole(value) else ""


def amount(value: Any) -> str | None:
    """Bytes or a difference of bytes."""
    return number(value) if _is_whole(value) or _is_below(value, _MOST) else ""


def seconds(value: Any) -> str | None:
    return None if not isinstance(value, bool) and _is_below(value, MOST_S) else ""


def maybe(form: Form) -> Form:
    """None as well."""
    return lambda value: None if value is None else form(value)


def listed(form: Form) -> Form:
    return lambda value: (
        _first((f".{n}", form(one)) for n, one in enumerate(value))
        if isinstance(value, list)
        else ""
    )


def by_name(form: Form) -> Form:
    return lambda value: (
        _first((f".{name}", form(one)) for name, one in value.items())
        if isinstance(value, dict)
        else ""
    )


def fields(required: Mapping[str, Form], others: Mapping[str, Form] | None = None) -> Form:
    """An object that has the first, and may have the others, and more."""

    def check(value: Any) -> str | None:
        if not isinstance(value, dict):
            return ""
        lacks = next((name for name in required if name not in value), None)
        if lacks is not None:
            return f".{lacks}"
        forms = {**required, **(others or {})}
        return _first(
            (f".{name}", form(value[name])) for name, form in forms.items() if name in value
        )

    return check


def place(form: Form, value: Any) -> str | None:
    """``peaks.shm``: where it is not of this form, in words; None where it is."""
    found = form(value)
    return None if found is None else found.lstrip(".")[:_LONGEST_PLACE] or "the whole of it"


def _first(places: Any) -> str | None:
    return next((f"{name}{inside}" for name, inside in places if inside is not None), None)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _MOST


def _is_below(value: Any, most: float) -> bool:
    return isinstance(value, int | float) and abs(value) < most and math.isfinite(value)
