"""The cgroup of an attempt: every process of the job is in it from before its first instruction.

Its folder is named after the run and written down beside the attempt, so that the next start finds
it when the supervisor was killed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from probes import cgroup_control, files
from probes.cgroup_control import Group
from runner import process_tree

_PREFIX = "fwi-"
NOTE = "cgroup"
"""File in the attempt's folder: the group's folder, or why there is none."""


def make(run: str, attempt: Path) -> Group | None:
    """The group of an attempt of the run; None where none can be made here.

    Without one, parentage, sessions and the mark serve: ``attempt/cgroup`` says why.
    """
    made = cgroup_control.make(_PREFIX + run)
    group = made if isinstance(made, Group) else None
    # On a full disk there is no note; the next start then looks below its own group.
    with suppress(OSError):
        text = f"{group.folder}\n" if group else f"none: {made}\n"
        files.write_text(attempt / NOTE, text)
    return group


def becoming(group: Group | None, score: int) -> Callable[[], None]:
    """What a new child calls between fork and exec to become the job's first process, with this
    ``oom_score_adj``.

    It enters the group there, where nothing else of it can run yet, so nothing that the job starts
    is outside. A child that may not enter runs on: the group is not the only way to find it.
    """
    parent = os.getpid()
    procs = str(group.folder / "cgroup.procs") if group else None

    def become() -> None:
        process_tree.be_a_job(parent, score)
        if procs is None:
            return
        with suppress(OSError):
            descriptor = os.open(procs, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(descriptor, b"0")
            finally:
                os.close(descriptor)

    return become


def left_by(run: str, folder: Path) -> list[Group]:
    """Groups of an earlier run that still exist: where its notes say, and below our own group.

    A note is believed only if it names a folder of the cgroup tree that carries the run's name.
    """
    name = _PREFIX + run
    places = [own / name for own in cgroup_control.own_folders()]
    for note in sorted(folder.glob(f"attempt-*/{NOTE}")):
        with suppress(OSError, UnicodeDecodeError):
            place = Path(note.read_text()[:4096].rstrip("\n"))
            if place.name == name and cgroup_control.is_inside(place):
                places.append(place)
    groups = [Group(place) for place in dict.fromkeys(places)]
    return [group for group in groups if group.exists()]
