"""A device's out-of-memory message of any torch version → its numbers → what kind it is. Pure.

The advice "to avoid fragmentation" stands on nearly every such message since 1.10; only the
numbers decide. Wordings: torch 0.4–1.3 "already allocated; … free; … cached" (held but unused),
1.4–2.0 "reserved in total" (what is allocated included), 2.1 and later "Process N has … memory in
use", "this process has … memory in use", "reserved by PyTorch but unallocated"; the allocator of
CUDA's own pool prints a small table instead.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace

from probes import late
from runner.outcomes import Outcome
from runner.units import size

_UNITS = {"byte": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}
_SIZE = r"(\d[\d.,]*) ?(bytes?|[KMGTP]i?B|B)\b"
_REQUESTED = late.compile(
    rf"[Tt]ried to allocate {_SIZE}|Requested +: {_SIZE}|Out of memory allocating {_SIZE}"
    rf"|trying to allocate {_SIZE}"
)
_ABSURD = late.compile(r"[Tt]ried to allocate more than 1EB")
_TOTAL = late.compile(
    rf"{_SIZE} total capac|total capac(?:i?t?)y of {_SIZE}|max allowed: {_SIZE}"
    rf"|Device limit +: {_SIZE}"
)
_FREE = late.compile(
    rf"{_SIZE} free|of which {_SIZE} is free|Free \(according to CUDA\) *: {_SIZE}"
)
_ALLOWED = late.compile(rf"{_SIZE} allowed")
_ALLOCATED = late.compile(
    rf"{_SIZE} already allocated|allocated memory {_SIZE} is allocated|MPS allocated: {_SIZE}"
    rf"|Currently allocated +: {_SIZE}"
)
_CACHED = late.compile(rf"{_SIZE} cached")
_RESERVED = late.compile(rf"{_SIZE} reserved in total")
_UNUSED = late.compile(rf"{_SIZE} is reserved by \w+ but unallocated")
_OWN = late.compile(rf"this process has {_SIZE} memory in use")
_OTHERS = late.compile(rf"Process (\d{{1,10}}) has {_SIZE} memory in use")
_ELSEWHERE = late.compile(rf"other allocations: {_SIZE}")

_FRAGMENTED = 0.1
"""Part of torch's pool that must lie unused: some always does, and halving it mends nothing."""
FOREIGN_SHARE = 0.25
"""Part of the device that others must hold: a display or a monitor holds a little as well."""
CONTEXT = 900 << 20
"""Bytes that a process holds beside torch's own pool: context, libraries, their workspaces."""


@dataclass(frozen=True)
class DeviceOom:
    """The message's numbers in bytes; None where it does not tell."""

    requested: int | None = None
    total: int | None = None
    free: int | None = None
    allocated: int | None = None
    reserved: int | None = None
    """Held by torch's pool, what is allocated included."""
    own: int | None = None
    """Held by the process in all, by the driver."""
    named: tuple[tuple[int, int], ...] = ()
    """(pid, bytes) of processes that the message names; the job's own too in a container."""
    allowed: int | None = None
    """What the job had itself limited to."""
    siblings: int = 0
    """Held by the job's other processes."""

    @property
    def unused(self) -> int | None:
        """Reserved and not allocated."""
        if self.reserved is None or self.allocated is None:
            return None
        return max(0, self.reserved - self.allocated)

    @property
    def foreign(self) -> int | None:
        """Held by others: what neither is free nor can be this process's own."""
        if self.total is None or self.free is None:
            return None
        rest = max(0, self.total - self.free - self.siblings)
        if self.own is not None:
            return max(0, rest - self.own)
        if self.reserved is None:
            return None
        return max(0, rest - self.reserved - CONTEXT)


@dataclass(frozen=True)
class Judged:
    """What kind it is, and what else it nearly is."""

    outcome: Outcome
    confidence: float
    also: tuple[Outcome, ...] = ()


def read(text: str) -> DeviceOom | None:
    """The numbers of a message; None where it names no size. Never raises."""
    text = " ".join(text.split())  # A terminal may have wrapped it.
    requested = _size(_REQUESTED, text)
    total, free = _size(_TOTAL, text), _size(_FREE, text)
    if requested is None and total is None:
        if _ABSURD.search(text) is None:
            return None
        requested = 1 << 60
    allocated = _size(_ALLOCATED, text)
    reserved = _size(_RESERVED, text)
    if reserved is None and allocated is not None:
        unused = _size(_UNUSED, text)
        if unused is None:
            unused = _size(_CACHED, text)
        reserved = None if unused is None else allocated + unused
    own = _size(_OWN, text)
    if own is not None and total is not None and own > total:
        own = None  # A driver that cannot tell answers -1, which is printed as 17179869184 GiB.
    elsewhere = _size(_ELSEWHERE, text)
    if elsewhere is not None and allocated is not None:
        own = allocated + elsewhere
        free = None if total is None else max(0, total - own)
    named = tuple(
        (int(pid), _bytes(number, unit)) for pid, number, unit in _OTHERS.findall(text)[:64]
    )
    return DeviceOom(requested, total, free, allocated, reserved, own, named, _size(_ALLOWED, text))


def of_the_tree(seen: DeviceOom, pids: Collection[int]) -> DeviceOom:
    """The same, where processes that the message names are the job's own: ``pids`` are its tree's.
    What those hold is not held by others."""
    ours = sorted((held for pid, held in seen.named if pid in pids), reverse=True)
    if ours and seen.own is None:
        # The one that failed is named as the others are.
        ours.remove(min(ours, key=lambda held: abs(held - (seen.reserved or 0))))
    return replace(seen, siblings=sum(ours))


def judge(seen: DeviceOom) -> Judged:
    """Capacity, fragmentation or foreign.

    - Foreign, where others hold at least what was asked for and a quarter of the device: without
      them it would have fit.
    - Fragmentation, where torch holds a tenth of its pool unused and that, with what is free, would
      have been enough.
    - Where both are so, the bigger share decides. Else the job itself has filled the device, or
      what it was allowed of it.
    """
    requested = seen.requested or 0
    foreign, unused = seen.foreign or 0, seen.unused or 0
    free = 0 if seen.allowed is not None else seen.free or 0
    is_foreign = foreign >= max(requested, 1, int(FOREIGN_SHARE * (seen.total or 0)))
    is_fragmented = (
        seen.unused is not None
        and 0 < requested <= unused + free
        and unused >= max(1, int(_FRAGMENTED * (seen.reserved or 0)))
        and unused >= requested / 2
    )
    if is_foreign and (not is_fragmented or foreign >= unused):
        also = (Outcome.OOM_DEVICE_FRAGMENTATION,) if is_fragmented else ()
        return Judged(Outcome.OOM_DEVICE_FOREIGN, 0.95 if foreign > unused * 2 else 0.8, also)
    if is_fragmented:
        also = (Outcome.OOM_DEVICE_FOREIGN,) if is_foreign else (Outcome.OOM_DEVICE_CAPACITY,)
        return Judged(Outcome.OOM_DEVICE_FRAGMENTATION, 0.9, also)
    near = []
    if foreign >= max(requested, 1) and foreign >= FOREIGN_SHARE * (seen.total or 0) / 2:
        near.append(Outcome.OOM_DEVICE_FOREIGN)
    if requested and unused >= requested:
        near.append(Outcome.OOM_DEVICE_FRAGMENTATION)
    known = seen.total is not None and seen.reserved is not None
    return Judged(Outcome.OOM_DEVICE_CAPACITY, 0.95 if known and not near else 0.8, tuple(near))


def words(seen: DeviceOom) -> str:
    """The numbers for a person."""
    rows = (
        ("asked for", seen.requested), ("total", seen.total), ("free", seen.free),
        ("allowed", seen.allowed), ("this process", seen.own), ("allocated", seen.allocated),
        ("reserved but unused", seen.unused),
        ("the job's other processes", seen.siblings or None), ("held by others", seen.foreign),
    )  # fmt: skip
    return ", ".join(f"{name} {size(value)}" for name, value in rows if value is not None)


def _size(pattern: re.Pattern[str], text: str) -> int | None:
    found = pattern.search(text)
    if found is None:
        return None
    number, unit = (group for group in found.groups() if group)
    return _bytes(number, unit)


def _bytes(number: str, unit: str) -> int:
    """Metal's "GB" are binary, as torch's "GiB" are."""
    unit = unit.lower().removesuffix("s")
    try:
        return int(float(number.replace(",", "")) * _UNITS[unit if unit in _UNITS else unit[0]])
    except (ValueError, OverflowError):
        return 0
