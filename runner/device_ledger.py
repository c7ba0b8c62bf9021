"""From the tensors of a job to the memory of its device: each level, and what lies between two.
Pure.

predicted → torch allocated → torch reserved → this process → the device. A level that was not read
is left out; a difference that comes out negative, because two readings are of different moments, is
taken as none and said.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from probes.device import DeviceMemory
from runner.units import size

TENSORS = "tensors"
WORKSPACES = "library workspaces and tensors not followed"
ROUNDING = "allocator's rounding"
FRAGMENTS = "fragments of segments in use"
CACHED = "cached segments"
CONTEXT = "CUDA context and libraries"
UNTOLD = "held by the process, not told by torch"
OTHERS = "other processes and the driver"
ALL_ELSE = "CUDA context, libraries, other processes"

PREDICTED, ALLOCATED, RESERVED = "predicted", "torch allocated", "torch reserved"
PROCESS, DEVICE = "this process", "the device"
_COMES_AND_GOES = 64 << 20
"""Bytes of a device that the driver itself takes and gives back."""
_ENOUGH = 1 << 20
"""Bytes below which a contradiction between two readings is not worth a line."""


@dataclass(frozen=True)
class Torch:
    """Peaks of a stretch of the job, as torch tells them inside it. Bytes; None: not told."""

    tensors: int | None = None
    """Of the tensors that were followed."""
    requested: int | None = None
    allocated: int | None = None
    reserved: int | None = None
    inactive: int | None = None
    """In free parts of segments that are in use."""


@dataclass(frozen=True)
class Driver:
    """A device at the moment of its peak, as NVML tells it. Bytes."""

    index: int
    name: str
    total: int
    used: int
    ours: int | None = None
    """Of the job's processes; None where the driver does not tell."""
    before: int | None = None
    """Used before the job began."""
    reserved: int | None = None
    """By torch, at the same moment as far as it is known."""

    @property
    def weight(self) -> tuple[int, int]:
        """By which the peak is found: what others do on the device does not move it, where the
        driver tells whose memory is whose."""
        return (self.ours or 0, self.used)


@dataclass(frozen=True)
class DeviceLedger:
    levels: Mapping[str, Mapping[str, int]]
    """Level → its parts, the first level's first; each adds up to the level."""
    notes: tuple[str, ...] = ()

    def size(self, level: str) -> int | None:
        """Bytes of a level; None where it was not read."""
        return sum(self.levels[level].values()) if level in self.levels else None


def of(
    torch: Torch | None,
    driver: Driver | None,
    predicted: Mapping[str, int] | None = None,
) -> DeviceLedger:
    """The ledger of one stretch: the first step, or all that came after it."""
    torch = torch or Torch()
    levels: dict[str, dict[str, int]] = {}
    notes: list[str] = []
    if predicted:
        levels[PREDICTED] = {name: held for name, held in predicted.items() if held > 0}
    parts: dict[str, int] = {}
    if torch.allocated is not None:
        parts = _in_tensors(torch, torch.allocated, notes)
        levels[ALLOCATED] = dict(parts)
    if torch.reserved is not None:
        free = _gap(torch.reserved, sum(parts.values()), RESERVED, ALLOCATED, notes)
        fragments = min(free, torch.inactive or 0)
        parts |= {FRAGMENTS: fragments, CACHED: free - fragments}
        levels[RESERVED] = dict(parts)
    if driver is not None:
        ours = _of_process(driver, notes)
        if ours is not None:
            # The context is what the process had beside torch's memory at one and the same moment.
            reserved = sum(parts.values()) if driver.reserved is None else driver.reserved
            beside = CONTEXT if reserved else UNTOLD
            parts[beside] = _gap(ours, reserved, PROCESS, RESERVED, notes)
            levels[PROCESS] = dict(parts)
        below = PROCESS if ours is not None else RESERVED
        others = _gap(driver.used, sum(parts.values()), DEVICE, below, notes)
        levels[DEVICE] = parts | {OTHERS if ours is not None else ALL_ELSE: others}
    return DeviceLedger(
        {level: {name: n for name, n in held.items() if n} for level, held in levels.items()},
        tuple(dict.fromkeys(notes)),
    )


def _in_tensors(torch: Torch, allocated: int, notes: list[str]) -> dict[str, int]:
    requested = min(torch.requested or allocated, allocated)
    tensors = torch.tensors if torch.tensors is not None else requested
    if tensors > requested:
        _disagree(TENSORS, tensors, ALLOCATED, requested, notes)
        tensors = requested
    return {
        TENSORS: tensors,
        WORKSPACES: requested - tensors,
        ROUNDING: allocated - requested,
    }


def _of_process(driver: Driver, notes: list[str]) -> int | None:
    if driver.ours is not None:
        return driver.ours
    if driver.before is None:
        notes.append("the driver does not tell what each process holds")
        return None
    notes.append(
        "the driver does not tell what each process holds: this process is taken to hold what the "
        "device has more in use than before the job"
    )
    return max(0, driver.used - driver.before)


def _gap(upper: int, lower: int, name: str, below: str, notes: list[str]) -> int:
    if upper < lower:
        _disagree(below, lower, name, upper, notes)
    return max(0, upper - lower)


def _disagree(below: str, lower: int, name: str, upper: int, notes: list[str]) -> None:
    if lower - upper >= _ENOUGH:
        notes.append(
            f"{below} ({size(lower)}) is more than {name} ({size(upper)}): they were read at "
            "different moments"
        )


def reading(
    device: DeviceMemory,
    pids: Collection[int],
    before: Sequence[DeviceMemory],
    reserved: int | None,
    is_there: Callable[[int], bool],
) -> Driver:
    """A device as it is now, for the processes of a job. ``is_there``: whether a pid can be seen
    from here."""
    earlier = next((one for one in before if one.index == device.index), None)
    told = [held for pid, held in device.processes.items() if pid in pids]
    known = [held for held in told if held is not None]
    ours = sum(known) if known and len(known) == len(told) else None
    if not told and earlier is not None and _others_hold_all(device, earlier, is_there):
        ours = 0
    return Driver(
        index=device.index,
        name=device.name,
        total=device.total,
        used=device.used,
        ours=ours,
        before=earlier.used if earlier is not None else None,
        reserved=reserved,
    )


def _others_hold_all(
    now: DeviceMemory, earlier: DeviceMemory, is_there: Callable[[int], bool]
) -> bool:
    """Whether what is in use beyond the state before the job is held by processes that the driver
    names, each of which can be seen: where it names pids of another name space, one of them may be
    the job's."""
    held, held_before = list(now.processes.values()), list(earlier.processes.values())
    if None in held or None in held_before:
        return False
    known = sum(one or 0 for one in held) - sum(one or 0 for one in held_before)
    if now.used - earlier.used - known > _COMES_AND_GOES:
        return False
    return all(pid in earlier.processes or is_there(pid) for pid in now.processes)


def torch_of(stretch: Mapping[str, Any]) -> Torch | None:
    """A step of the job's ``memory.json``; the job wrote it, so nothing in it is trusted."""
    told = stretch.get("torch")
    if not isinstance(told, dict):
        return None
    names = ("requested", "allocated", "reserved", "inactive")
    found = Torch(**{name: _count(told.get(name)) for name in names})
    return replace(found, tensors=_count(stretch.get("bytes")))


def replayed_of(stretch: Mapping[str, Any]) -> dict[str, int] | None:
    """What a replay of the allocator over the followed tensors predicts, as parts of a level."""
    told, tensors = stretch.get("replayed"), _count(stretch.get("bytes"))
    if not isinstance(told, dict) or tensors is None:
        return None
    allocated, reserved = _count(told.get("allocated")), _count(told.get("reserved"))
    if allocated is None or reserved is None:
        return None
    return {
        TENSORS: tensors,
        ROUNDING: max(0, allocated - tensors),
        CACHED: max(0, reserved - max(allocated, tensors)),
    }


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1 << 60:
        return None
    return int(value)
