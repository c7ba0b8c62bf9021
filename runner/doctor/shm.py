"""Segments in /dev/shm that dead processes left there."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from probes import procfs
from probes.host import SHM
from runner.doctor import open_files
from runner.doctor.finding import Finding, note, ok, warning
from runner.doctor.open_files import OpenFiles
from runner.units import size

CHECK = "shm.stale"
_NAMES = re.compile(r"torch_(?P<pid>[0-9]+)_[0-9A-Za-z_]+|psm_[0-9a-f]+|sem\.mp-[0-9A-Za-z_]+")
# A segment is made a moment before it is opened by those that it is for.
_YOUNG_S = 60.0
# Inode numbers of the first namespaces (include/linux/proc_ns.h).
_FIRST_PID_NAMESPACE = 0xEFFFFFFC
_FIRST_IPC_NAMESPACE = 0xEFFFFFFF


@dataclass(frozen=True)
class Segment:
    """A file in /dev/shm, of this user, that nobody has open or mapped."""

    name: str
    size: int
    """Bytes."""
    age_s: float
    owner: int | None
    """Pid in its name; None where it has none."""
    owner_lives: bool | None
    """None where the name does not tell."""
    inode: int

    @property
    def provably_stale(self) -> bool:
        return self.owner_lives is False and self.age_s >= _YOUNG_S

    @property
    def likely_stale(self) -> bool:
        return not self.owner_lives and self.age_s >= _YOUNG_S


@dataclass(frozen=True)
class Facts:
    unheld: tuple[Segment, ...]
    everybody_seen: bool
    """False where another container or a process that may not be looked at could hold them."""


def gather(opened: OpenFiles, folder: str = SHM) -> Facts:
    """Raises OSError where /dev/shm cannot be read."""
    now = time.time()
    found = []
    for entry in os.scandir(folder):
        match = _NAMES.fullmatch(entry.name)
        with suppress(FileNotFoundError):
            about = entry.stat(follow_symlinks=False)
            if match and about.st_uid == os.getuid() and stat.S_ISREG(about.st_mode):
                owner = int(match["pid"]) if match["pid"] else None
                found.append(
                    Segment(
                        name=entry.name,
                        size=about.st_blocks * 512,
                        age_s=now - about.st_mtime,
                        owner=owner,
                        owner_lives=None if owner is None else os.path.exists(f"/proc/{owner}"),
                        inode=about.st_ino,
                    )
                )
    found = [one for one in found if f"{folder}/{one.name}" not in opened.holders]
    if not found:
        return Facts((), True)
    held = open_files.mapped(f"{folder}/{one.name}" for one in found)
    seen = held is not None and not opened.unseen and not _shared_with_unseen_processes()
    unheld = [one for one in found if f"{folder}/{one.name}" not in (held or ())]
    return Facts(tuple(unheld), seen)


def _shared_with_unseen_processes() -> bool:
    """Whether this is a container with a pid namespace of its own and the machine's /dev/shm."""
    with suppress(OSError):
        pid = os.stat("/proc/self/ns/pid").st_ino
        ipc = os.stat("/proc/self/ns/ipc").st_ino
        return pid != _FIRST_PID_NAMESPACE and ipc == _FIRST_IPC_NAMESPACE
    return True


def judge(facts: Facts) -> list[Finding]:
    likely = [one for one in facts.unheld if one.likely_stale]
    sure = [one for one in likely if one.provably_stale and facts.everybody_seen]
    rest = [one for one in likely if one not in sure]
    found = []
    if sure:
        found.append(
            warning(
                CHECK,
                f"{_named(sure)} in {SHM}: made by processes that are dead, open nowhere",
                "they take memory until the machine starts again, and the loader's room",
                "python -m runner doctor --fix",
                fixable=True,
            )
        )
    if rest:
        found.append(
            note(
                f"{CHECK}.unproven",
                f"{_named(rest)} in {SHM}: open nowhere that can be seen, owner not provable",
                "if their program has ended, they take memory until they are removed",
                "rm " + " ".join(f"{SHM}/{one.name}" for one in rest[:5]),
            )
        )
    return found or [ok(CHECK, f"no segment without an owner in {SHM}")]


def _named(segments: Sequence[Segment]) -> str:
    names = ", ".join(one.name for one in segments[:3])
    more = f" and {len(segments) - 3} more" if len(segments) > 3 else ""
    return f"{names}{more} ({size(sum(one.size for one in segments))})"


def fix(facts: Facts, folder: str = SHM) -> Iterable[str]:
    """Remove what is provably stale, looked at once more; says what it did."""
    if not facts.everybody_seen:
        return
    for one in facts.unheld:
        path = f"{folder}/{one.name}"
        if not one.provably_stale or one.owner is None or procfs.stat(one.owner) is not None:
            continue
        try:
            if os.lstat(path).st_ino == one.inode:
                os.unlink(path)
                yield f"removed {path} ({size(one.size)})"
        except FileNotFoundError:
            continue
        except OSError as error:
            yield f"could not remove {path}: {error.strerror}"
