"""Which limit of host memory a job meets first. Pure, but for :func:`read`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from probes import cgroup, host
from runner import limits


@dataclass(frozen=True)
class Bound:
    """A limit and what sets it."""

    size: int
    """Bytes."""
    source: str


def tightest(bounds: Sequence[Bound]) -> Bound | None:
    """The one that is met first; of equals the first."""
    return min(bounds, key=lambda bound: bound.size, default=None)


def read(pid: int, asked: str | None) -> Bound | None:
    """The limit that applies to a process: of its cgroup or one above it, of the machine, or
    ``asked`` (``--max-host-memory``)."""
    found = [Bound(host.machine_memory(), "the machine's memory")]
    group = cgroup.memory_group(pid)
    above = group.tightest() if group is not None else None
    if group is not None and above is not None:
        found.append(Bound(above[0], f"the memory cgroup {above[1]} (version {group.version})"))
    if asked is not None:
        own = limits.parse(asked).of(host.memory_limit())
        found.append(Bound(own, f"--max-host-memory {asked}"))
    return tightest(found)
