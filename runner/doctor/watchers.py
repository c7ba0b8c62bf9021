"""Programs that watch files: their limits, and who watches the folder of the runs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from probes import procfs
from runner.doctor.finding import Finding, note, ok, unchecked, warning
from runner.doctor.open_files import OpenFiles

_INOTIFY = "anon_inode:inotify"
_NEAR = 0.9
_MOST_BYTES = 1 << 22


@dataclass(frozen=True)
class Facts:
    watches: int
    """Of this user, as far as its processes may be looked at."""
    most_watches: int | None
    instances: int
    most_instances: int | None
    watching: tuple[tuple[int, str], ...]
    """(pid, command) of those that watch the runs or the current folder."""


def gather(opened: OpenFiles, folders: tuple[Path, ...]) -> Facts:
    wanted = set()
    for folder in folders:
        try:
            wanted.add(f"ino:{folder.stat().st_ino:x} ".encode())
        except OSError:
            continue
    watches = instances = 0
    watching = []
    for pid in opened.holders.get(_INOTIFY, ()):
        if procfs.owner(pid) != os.getuid() or pid == os.getpid():
            continue
        texts = _tables(pid)
        instances += len(texts)
        watches += sum(text.count(b"inotify wd:") for text in texts)
        if any(mark in text for text in texts for mark in wanted):
            watching.append((pid, procfs.command_line(pid, 80) or "unknown"))
    return Facts(watches, _limit("watches"), instances, _limit("instances"), tuple(watching))


def _tables(pid: int) -> list[bytes]:
    found = []
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return []
    for name in names:
        try:
            if os.readlink(f"/proc/{pid}/fd/{name}") != _INOTIFY:
                continue
        except OSError:
            continue
        raw = procfs.read(f"/proc/{pid}/fdinfo/{name}", _MOST_BYTES)
        if raw is not None:
            found.append(raw)
    return found


def _limit(of: str) -> int | None:
    raw = procfs.read(f"/proc/sys/fs/inotify/max_user_{of}", 64)
    return int(raw) if raw and raw.strip().isdigit() else None


def judge(facts: Facts) -> list[Finding]:
    found = []
    if facts.most_watches is None or facts.most_instances is None:
        found.append(unchecked("watchers.limit", "this kernel tells no limit of inotify"))
    else:
        for of, count, most in (
            ("watches", facts.watches, facts.most_watches),
            ("instances", facts.instances, facts.most_instances),
        ):
            if count >= most * _NEAR:
                found.append(
                    warning(
                        "watchers.limit",
                        f"{count} of {most} inotify {of} are taken",
                        "programs that watch files fail with 'no space left' or 'too many files'",
                        f"sudo sysctl fs.inotify.max_user_{of}={most * 4}",
                    )
                )
    for pid, command in facts.watching:
        found.append(
            note(
                "watchers.runs",
                f"process {pid} ({command}) watches this folder or that of the runs",
                "it may reload or start again whenever a run writes a file",
                "keep the runs elsewhere: --runs-dir DIR",
            )
        )
    return found or [ok("watchers.limit", f"{facts.watches} inotify watches are taken")]
