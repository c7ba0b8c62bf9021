"""Which device a job of ours will compute on, and the memory that it can have there. No torch: a
GPU is seen by its driver, through a child with a time limit."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace

from probes import device, host
from probes.device import DeviceMemory
from runner import limits, waiting
from runner.cards import CARDS, Card, card_of
from runner.doctor import memory, packages

_ANSWER_S = 20.0
_NEWER = ("H100", "H200", "B100", "B200")


class NoDevice(Exception):
    """The device that was asked for cannot be had; says why."""


@dataclass(frozen=True)
class Where:
    """``device`` is None on the CPU."""

    name: str
    """cpu, or cuda:N as the job counts."""
    device: DeviceMemory | None = None

    @property
    def is_cpu(self) -> bool:
        return self.name == "cpu"

    @property
    def card(self) -> Card:
        """The device with the memory that is free on it now. Raises NoDevice on the CPU."""
        if self.device is None:
            raise NoDevice("the CPU is no card")
        known = card_of(self.device.name, self.device.total)
        known = known or CARDS["h200" if any(n in self.device.name for n in _NEWER) else "a100-40"]
        return replace(known, name=self.name, words=self.device.name, memory=self.device.free)


def resolve(asked: str, environment: Mapping[str, str] | None = None) -> Where:
    """``auto`` → the first CUDA device, where the driver shows one and torch is built for it; else
    the CPU. Raises NoDevice where another is asked for and is not there."""
    environment = os.environ if environment is None else environment
    if asked == "cpu" or (asked == "auto" and not _may_be_there()):
        return Where("cpu")
    name = "cuda:0" if asked in ("auto", "cuda") else asked
    try:
        devices = _look()
    except NoDevice:
        if asked == "auto":
            return Where("cpu")
        raise
    wanted = waiting.visible_devices(name, environment)
    found = next((one for one in devices if wanted is None or one.index in wanted), None)
    if found is None:
        if asked == "auto":
            return Where("cpu")
        raise NoDevice(f"--device {asked}: the driver shows {len(devices)} devices; or take cpu")
    return Where(name, found)


def _may_be_there() -> bool:
    return device.is_present() and packages.gather().torch_cuda is not None


def _look() -> list[DeviceMemory]:
    if not device.is_present():
        raise NoDevice("no NVIDIA driver is loaded here; take --device cpu, or auto")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "probes.device"],
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_ANSWER_S,
        )
        return device.parse((done.stdout.splitlines() or [b""])[-1])
    except subprocess.TimeoutExpired as error:
        raise NoDevice(f"the driver did not answer within {_ANSWER_S:.0f} s") from error
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise NoDevice(f"the driver does not tell what it has: {error}") from error


@dataclass(frozen=True)
class Room:
    """Bytes that a process can have, and what bounds them."""

    size: int
    bound: str


def host_room(limit: str | None) -> Room:
    """Of the host's memory. ``limit`` is ``--max-host-memory``. Raises ValueError for one that is
    none."""
    facts = memory.gather()
    bounds = [Room(facts.available, "what the machine has available")]
    if facts.limit is not None:
        bounds.append(Room(facts.room, "what the cgroup's limit leaves"))
    if limit is not None:
        allowed = limits.parse(limit).of(host.memory_limit())
        bounds.append(Room(allowed, f"--max-host-memory {limit}"))
    return min(bounds, key=lambda one: one.size)


def device_room(where: Where) -> Room:
    return Room(where.card.memory, f"what is free on {where.card.words}")
