"""Frames of Python as a report shows them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

MOST = 12
_LIBRARY = ("/torch/", "/site-packages/", "/dist-packages/")
_PARTS = 2


def shown(stack: Iterable[tuple[str, int, str]], most: int = MOST) -> list[str]:
    """``models/unet.py:57 forward`` for each (file, line, function), those of libraries left out;
    all of them where there are no others."""
    everything = list(stack)
    own = [one for one in everything if not _is_of_a_library(one[0])]
    return [f"{short(file)}:{line} {name}" for file, line, name in (own or everything)[:most]]


def short(file: str) -> str:
    """The end of a path: its folder and its name."""
    parts: Sequence[str] = file.split("/")
    return "/".join(parts[-_PARTS:])


def _is_of_a_library(file: str) -> bool:
    return any(part in file for part in _LIBRARY) or not file.endswith(".py")
