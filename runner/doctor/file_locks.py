"""Lock files that outlived their owner: torch's builder of extensions waits for one for ever."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from runner.doctor.finding import Finding, note, ok, problem
from runner.doctor.open_files import OpenFiles

CHECK = "locks.extensions"
_YOUNG_S = 10.0
_MOST = 1000


@dataclass(frozen=True)
class Lock:
    """A ``lock`` file of torch.utils.file_baton: who builds has it open until it is removed."""

    path: str
    age_s: float
    holders: tuple[int, ...]
    inode: int


@dataclass(frozen=True)
class Facts:
    locks: tuple[Lock, ...]
    everybody_seen: bool
    """False on a file system of the network: its holder may be on another machine."""


def extensions_folder() -> Path:
    given = os.environ.get("TORCH_EXTENSIONS_DIR")
    if given:
        return Path(given)
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(cache) / "torch_extensions"


def candidates(folder: Path) -> list[Path]:
    """``<folder>/<name>/lock``, or one level deeper by Python and CUDA version."""
    found: list[Path] = []
    for pattern in ("*/lock", "*/*/lock"):
        for path in folder.glob(pattern):
            found.append(path)
            if len(found) >= _MOST:
                return found
    return found


def gather(opened: OpenFiles, folder: Path) -> Facts:
    now = time.time()
    locks = []
    for path in candidates(folder):
        try:
            about = path.lstat()
        except FileNotFoundError:
            continue
        if about.st_uid == os.getuid():
            real = os.path.realpath(path)
            holders = opened.holders.get(real, ())
            locks.append(Lock(str(path), now - about.st_mtime, holders, about.st_ino))
    return Facts(tuple(locks), not opened.unseen and _is_local(folder))


def _is_local(folder: Path) -> bool:
    """Whether the folder is on a file system of this machine alone; in doubt it is not."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as lines:
            mounts = [line.split(" - ", 1) for line in lines if " - " in line]
    except OSError:
        return False
    real = os.path.realpath(folder)
    best, kind = "", ""
    for left, right in mounts:
        point = left.split(" ")[4]
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, right.split(" ", 1)[0]
    return kind in ("ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs", "overlay", "zfs", "f2fs")


def _is_stale(lock: Lock, facts: Facts) -> bool:
    return facts.everybody_seen and not lock.holders and lock.age_s >= _YOUNG_S


def judge(facts: Facts) -> list[Finding]:
    found = []
    for lock in facts.locks:
        if _is_stale(lock, facts):
            found.append(
                problem(
                    CHECK,
                    f"{lock.path}: a lock that nobody holds",
                    "the next job that builds or loads this extension waits for it for ever",
                    "python -m runner doctor --fix",
                    fixable=True,
                )
            )
        elif lock.holders:
            pids = ", ".join(map(str, lock.holders))
            found.append(note(CHECK, f"{lock.path}: held by process {pids}, which builds it now"))
        elif not facts.everybody_seen:
            found.append(
                note(
                    CHECK,
                    f"{lock.path}: a lock whose holder cannot be seen from here",
                    "if no job builds this extension now, the next one waits for ever",
                    f"rm {lock.path}",
                )
            )
    return found or [ok(CHECK, "no stale lock of torch's extensions")]


def fix(facts: Facts) -> Iterable[str]:
    """Remove locks that nobody holds; says what it did."""
    for lock in facts.locks:
        if not _is_stale(lock, facts):
            continue
        try:
            if os.lstat(lock.path).st_ino == lock.inode:
                os.unlink(lock.path)
                yield f"removed {lock.path}"
        except FileNotFoundError:
            continue
        except OSError as error:
            yield f"could not remove {lock.path}: {error.strerror}"
