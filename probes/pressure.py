"""Pressure: how long tasks stood still for want of memory, disk or processor.

``/proc/pressure`` since Linux 4.20 (https://docs.kernel.org/accounting/psi.html); a kernel may be
built or started without it, and many cloud kernels are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from probes import procfs

RESOURCES = ("memory", "io", "cpu")
_FOLDER = Path("/proc/pressure")


@dataclass(frozen=True)
class Pressure:
    """Of one resource."""

    some_s: float
    """Seconds so far in which at least one task waited for it."""
    full_s: float
    """Seconds so far in which every task that was not idle waited for it."""
    full_percent: float
    """Of the last ten seconds, by the kernel's moving average."""


def read(folder: Path = _FOLDER) -> dict[str, Pressure]:
    """By resource; without those that this kernel does not tell."""
    found = {}
    for name in RESOURCES:
        raw = procfs.read(str(folder / name), 1024)
        pressure = parse(raw.decode("ascii", "replace")) if raw else None
        if pressure is not None:
            found[name] = pressure
    return found


def parse(text: str) -> Pressure | None:
    """A file of ``/proc/pressure``, or ``memory.pressure`` of a cgroup; None for anything else.

    The processor had no ``full`` line before Linux 5.13: it counts as none.
    """
    lines: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        kind, *fields = line.split()
        lines[kind] = dict(field.split("=", 1) for field in fields if "=" in field)
    try:
        full = lines.get("full", {"total": "0", "avg10": "0"})
        return Pressure(
            some_s=int(lines["some"]["total"]) / 1e6,
            full_s=int(full["total"]) / 1e6,
            full_percent=float(full["avg10"]),
        )
    except (KeyError, ValueError):
        return None
