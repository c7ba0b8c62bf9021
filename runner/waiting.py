"""Waiting, with a bound, until other processes give the device back."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from probes import device, procfs
from probes.device import DeviceMemory
from runner import helpers
from runner.units import duration, size

_LOOK_S = 2.0
_ANSWER_S = 15.0
_IDLE_SHARE = 0.1
"""Part of a device's memory that a driver may hold for itself while nobody computes."""


@dataclass(frozen=True)
class Waited:
    seconds: float
    held: tuple[str, ...] = ()
    """Who still holds which device; empty: nobody."""
    unknown: str | None = None
    """Why it could not be seen who holds it."""


def holders(
    devices: Sequence[DeviceMemory],
    visible: Sequence[int] | None = None,
    name_of: Callable[[int], str] = lambda pid: procfs.command_line(pid) or "not to be seen here",
) -> tuple[str, ...]:
    """A line for each process that holds memory of a visible device (None: of any).

    Where the driver does not tell whose it is, more than a tenth in use is somebody's.
    """
    found = []
    for one in devices:
        if visible is not None and one.index not in visible:
            continue
        for pid, held in one.processes.items():
            found.append(f"device {one.index}: {size(held)} by pid {pid} ({name_of(pid)})")
        if not one.processes and one.used > _IDLE_SHARE * one.total:
            found.append(f"device {one.index}: {size(one.used)} by a process not to be seen here")
    return tuple(found)


def visible_devices(name: str | None, environment: Mapping[str, str]) -> list[int] | None:
    """The NVML numbers of the devices that a job may use; None: not known, so any.

    Args:
        name: ``auto``, ``cuda`` or ``cuda:N``; None for a command.
        environment: of the job.
    """
    shown = environment.get("CUDA_VISIBLE_DEVICES", "")
    listed = [int(part) for part in shown.split(",") if part.strip().isdecimal()]
    if shown and len(listed) != len(shown.split(",")):
        return None
    if name is None:
        return listed or None
    number = int(name.partition(":")[2] or 0)
    if not listed:
        return [number]
    return [listed[number]] if number < len(listed) else None


async def look() -> list[DeviceMemory]:
    """One reading by a disposable child. Raises RuntimeError saying why there is none."""
    answer = await helpers.ask([sys.executable, "-m", "probes.device"], _ANSWER_S, lambda _: None)
    if answer.code is None:
        raise RuntimeError(f"the driver did not answer within {_ANSWER_S:.0f} s")
    lines = answer.output.splitlines() or [b""]
    try:
        return device.parse(lines[-1])
    except (ValueError, TypeError, KeyError) as error:
        raise RuntimeError(str(error)) from error


async def for_device(
    bound_s: float,
    visible: Sequence[int] | None,
    stop: asyncio.Event,
    say: Callable[[str], None],
    look: Callable[[], Awaitable[list[DeviceMemory]]] = look,
) -> Waited:
    """Until nobody holds a visible device, ``stop`` is set, or ``bound_s`` seconds have passed."""
    began = time.monotonic()
    said: tuple[str, ...] = ()
    while True:
        try:
            held = holders(await look(), visible)
        except (RuntimeError, OSError) as error:
            return Waited(time.monotonic() - began, unknown=str(error))
        waited = time.monotonic() - began
        if not held or stop.is_set() or waited >= bound_s:
            return Waited(waited, held)
        if held != said:
            left = duration(bound_s - waited)
            say(f"waiting for the device, {left} more at most: {'; '.join(held)}")
            said = held
        try:
            await asyncio.wait_for(stop.wait(), min(_LOOK_S, bound_s - waited))
        except TimeoutError:
            continue
