"""What torch held of a device when it was full, from ``oom.json`` of an attempt. The job wrote the
file: nothing in it is trusted. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.report import told
from runner.report.blocks import Block, Heading, Row, Table, Text
from runner.units import size

VIEWER = "https://pytorch.org/memory_viz"
_MOST = 20
_FRAMES = 6


def blocks(found: Mapping[str, Any]) -> list[Block]:
    """The ten largest live allocations and where they were made; nothing where nothing is told."""
    largest = found.get("largest")
    rows = [
        _row(one) for one in (largest if isinstance(largest, list) else ())[:_MOST] if _is_one(one)
    ]
    if not rows:
        return []
    held, count = told.size(found.get("allocated")), told.size(found.get("allocations"))
    said = ""
    if held is not None and count is not None:
        said = f"{count:,} live allocations of {size(held)} in all. "
    return [
        Heading("The largest live allocations when the device was full"),
        Text(said + f"snapshot.pickle beside it opens in {VIEWER}."),
        Table(("size", "device", "made at, the innermost first"), rows),
    ]


def _is_one(one: Any) -> bool:
    return isinstance(one, dict) and told.size(one.get("bytes")) is not None


def _row(one: Mapping[str, Any]) -> Row:
    return size(told.size(one["bytes"])), str(one.get("device", "?")), stack(one.get("stack"))


def stack(frames: Any) -> str:
    """``unet.py:57 forward ← specproj.py:90 forward``, the innermost frames."""
    known = frames if isinstance(frames, list) else []
    return " ← ".join(str(frame) for frame in known[:_FRAMES]) or "not told"
