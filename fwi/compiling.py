"""Compiled functions that release the interpreter's lock, kept in numba's cache if it has one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator; ``options`` are :func:`numba.njit`'s. Compilation happens at the first call."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        try:
            made: Callable[..., Any] = njit(nogil=True, cache=True, **options)(function)
        except RuntimeError:
            # Neither the package's folder nor the user's cache can be written: once a process.
            made = njit(nogil=True, **options)(function)
        return made

    return decorate
