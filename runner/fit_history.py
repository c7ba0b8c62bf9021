"""What earlier runs took of a device beside torch's memory, in place of the table's context. Pure.

The rows are ``measured`` of results in the ledger (:mod:`runner.ledgers`): the driver's figure for
the process less what torch had reserved at the same moment.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from probes.device import DeviceMemory
from runner.cards import card_of
from runner.prediction import Span

_MOST = 1 << 40
"""Bytes beyond which a measurement is none."""

Key = tuple[str, str, str, str]
"""Model, dtype, mode, card."""
_MODES = ("train", "infer")


@dataclass(frozen=True)
class Measured:
    span: Span
    runs: int

    @property
    def words(self) -> str:
        return f"history of {self.runs} run{'s' if self.runs > 1 else ''}"


def overheads(rows: Iterable[Mapping[str, Any]]) -> dict[Key, Measured]:
    """By model, dtype, mode and card; rows of devices that are in no table are left out, and so is
    what is no measurement. So is a row without a mode: training holds more beside torch's memory
    than inference, and the row may be of either."""
    found: dict[Key, list[int]] = {}
    for row in rows:
        total, overhead = row.get("total"), row.get("overhead")
        mode = row.get("mode")
        if mode not in _MODES or not (_is_size(total) and _is_size(overhead)):
            continue
        card = card_of(str(row.get("device")), total)
        if card is not None:
            key = str(row.get("model")), str(row.get("dtype")), mode, card.name
            found.setdefault(key, []).append(overhead)
    return {key: Measured(_span(seen), len(seen)) for key, seen in found.items()}


def on_device(
    overheads: Mapping[Key, Measured], kind: tuple[str, str, str], device: DeviceMemory
) -> Span | None:
    """That of runs of the same model, dtype and mode on such a device; None: there were none."""
    card = card_of(device.name, device.total)
    seen = overheads.get((*kind, card.name)) if card is not None else None
    return None if seen is None else seen.span


def _span(seen: list[int]) -> Span:
    """The median; beyond the extremes as much again as runs may yet differ, less the more there
    were: a quarter after one, a twelfth after nine."""
    likely = int(statistics.median(seen))
    beyond = int(likely / (3 + len(seen)))
    return Span(max(0, min(seen) - beyond), likely, max(seen) + beyond)


def _is_size(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < _MOST
