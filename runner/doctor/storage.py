"""Room on the disks that a run writes to."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.doctor.finding import Finding, Level, ok, unchecked
from runner.units import size

_MIB, _GIB = 1 << 20, 1 << 30
_FEW_INODES, _NO_INODES = 10_000, 500


@dataclass(frozen=True)
class Place:
    """A folder that a run writes to."""

    use: str
    """runs, tmp or cache."""
    path: str
    free: int | None
    """Bytes for this user; None where it cannot be asked."""
    inodes: int | None
    """Files that can still be made; None where the file system does not count them."""
    writable: bool


def places(runs: Path) -> list[tuple[str, Path]]:
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return [("runs", runs), ("tmp", Path(tempfile.gettempdir())), ("cache", Path(cache))]


def gather(wanted: Sequence[tuple[str, Path]]) -> tuple[Place, ...]:
    return tuple(_look(use, path) for use, path in wanted)


def _look(use: str, path: Path) -> Place:
    # A folder that is not there yet will be made in the nearest one that is.
    there = path.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        room = os.statvfs(there)
    except OSError:
        return Place(use, str(path), None, None, False)
    return Place(
        use,
        str(path),
        free=room.f_bavail * room.f_frsize,
        inodes=room.f_favail if room.f_files else None,
        writable=os.access(there, os.W_OK | os.X_OK),
    )


def judge(found: Sequence[Place]) -> list[Finding]:
    return [_one(place) for place in found]


def _one(place: Place) -> Finding:
    check = f"disk.{place.use}"
    if place.free is None:
        return unchecked(check, f"{place.path} does not answer")
    level, what = Level.OK, f"{size(place.free)} free in {place.path}"
    if not place.writable:
        level, what = Level.PROBLEM, f"{place.path} cannot be written to"
    elif place.free < 100 * _MIB:
        level = Level.PROBLEM
    elif place.free < _GIB:
        level = Level.WARNING
    if place.inodes is not None and place.inodes < _FEW_INODES:
        what += f", {place.inodes} more files"
        level = max(
            level,
            Level.PROBLEM if place.inodes < _NO_INODES else Level.WARNING,
            key=lambda one: one.rank,
        )
    if level is Level.OK:
        return ok(check, what)
    if place.use == "cache":
        # A cache that cannot grow slows a job down; it seldom ends it.
        level = Level.WARNING
    mend = {
        "runs": "remove runs that are not needed, or choose another folder: --runs-dir DIR",
        "tmp": "remove what is not needed there, or: export TMPDIR=DIR",
        "cache": "remove what is not needed there, or: export XDG_CACHE_HOME=DIR",
    }[place.use]
    why = {
        "runs": "checkpoints, logs and the ledger are written there",
        "tmp": "sockets and temporary files of the job are made there",
        "cache": "weights and compiled code are kept there",
    }[place.use]
    return Finding(check, level, what, why, mend)
