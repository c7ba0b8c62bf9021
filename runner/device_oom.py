"""A device's out-of-memory message of any torch version → its numbers → what kind it is. Pure.

The advice "to avoid fragmentation" stands on nearly every such message since 1.10; only the
numbers decide. Wordings: torch 1.0–1.3 "already allocated; … free; … cached" (held but unused),
1.4–2.0 "reserved in total" (what is allocated included), 2.1 and later "Process N has … memory in
use", "this process has … memory in use", "reserved by PyTorch but unallocated".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from runner.outcomes import Outcome

_UNITS = {"bytes": 1, "b": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
          "kb": 10**3, "mb": 10**6, "gb": 10**9}  # fmt: skip
_SIZE = r"([\d.]+) ?(bytes|[KMGT]i?B|B)"
_REQUESTED = re.compile(rf"[Tt]ried to allocate {_SIZE}")
_TOTAL = re.compile(rf"{_SIZE} total capac|total capac(?:i?t?)y of {_SIZE}|max allowed: {_SIZE}")
_FREE = re.compile(rf"{_SIZE} free|of which {_SIZE} is free")
_ALLOCATED = re.compile(
    rf"{_SIZE} already allocated|allocated memory {_SIZE} is allocated|allocated: {_SIZE}"
)
_CACHED = re.compile(rf"{_SIZE} cached")
_RESERVED = re.compile(rf"{_SIZE} reserved in total")
_UNUSED = re.compile(rf"{_SIZE} is reserved by \w+ but unallocated")
_OWN = re.compile(rf"this process has {_SIZE} memory in use")
_OTHERS = re.compile(rf"Process (\d+) has {_SIZE} memory in use")
_ELSEWHERE = re.compile(rf"other allocations: {_SIZE}")

_FRAGMENTED = 0.1
"""Part of torch's pool that must lie unused: some always does, and halving it mends nothing."""
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
    """(pid, bytes) of processes that the message names."""

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
            return sum(size for _, size in self.named) or None
        if self.own is not None:
            return max(0, self.total - self.free - self.own)
        if self.reserved is None:
            return None
        return max(0, self.total - self.free - self.reserved - CONTEXT)


def read(text: str) -> DeviceOom | None:
    """The numbers of a message; None where it names no size."""
    requested = _size(_REQUESTED, text)
    total, free = _size(_TOTAL, text), _size(_FREE, text)
    if requested is None and total is None:
        return None
    allocated = _size(_ALLOCATED, text)
    reserved = _size(_RESERVED, text)
    if reserved is None and allocated is not None:
        unused = _size(_UNUSED, text)
        if unused is None:
            unused = _size(_CACHED, text)
        reserved = None if unused is None else allocated + unused
    own = _size(_OWN, text)
    named = tuple(
        (int(pid), _bytes(number, unit)) for pid, number, unit in _OTHERS.findall(text)[:64]
    )
    elsewhere = _size(_ELSEWHERE, text)
    if elsewhere is not None and allocated is not None:
        own = allocated + elsewhere
    return DeviceOom(requested, total, free, allocated, reserved, own, named)


def kind(seen: DeviceOom) -> Outcome:
    """Capacity, fragmentation or foreign.

    Foreign, where others hold enough for the request and more than half of what this process does:
    without them it would have fit. Fragmentation, where what torch holds unused would have been
    enough. Else the job itself has filled the device. In a container the driver names the job's own
    pid as another's: bytes that torch's own pool explains are not foreign.
    """
    requested = seen.requested or 0
    foreign, unused = seen.foreign, seen.unused
    own = seen.own if seen.own is not None else seen.reserved
    if foreign is not None and own is not None and seen.reserved is not None:
        explained = seen.own is not None and seen.own < seen.reserved
        if explained:
            foreign = max(0, foreign - seen.reserved)
    if foreign is not None and foreign >= max(requested, 1) and foreign > (own or 0) / 2:
        return Outcome.OOM_DEVICE_FOREIGN
    substantial = _FRAGMENTED * (seen.reserved or 0)
    if unused is not None and requested and unused >= max(requested, substantial):
        return Outcome.OOM_DEVICE_FRAGMENTATION
    return Outcome.OOM_DEVICE_CAPACITY


def words(seen: DeviceOom) -> str:
    """The numbers for a person."""
    from runner.units import size

    rows = (
        ("asked for", seen.requested), ("total", seen.total), ("free", seen.free),
        ("this process", seen.own), ("allocated", seen.allocated),
        ("reserved but unused", seen.unused), ("held by others", seen.foreign),
    )  # fmt: skip
    return ", ".join(f"{name} {size(value)}" for name, value in rows if value is not None)


def _size(pattern: re.Pattern[str], text: str) -> int | None:
    found = pattern.search(text)
    if found is None:
        return None
    words = [group for group in found.groups() if group]
    return _bytes(words[0], words[1])


def _bytes(number: str, unit: str) -> int:
    try:
        return int(float(number) * _UNITS[unit.lower()])
    except (ValueError, OverflowError):
        return 0
