"""Folders of sockets that multiprocessing and torch make among the temporary files, and leave there
when their process is killed."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from probes import procfs

_NAMES = ("pymp-", "torch-shm-dir-")
_MANY = 256


class TempFolders:
    """Remembers what was there at construction. A new folder is certainly the attempt's where a
    process of it was seen to listen in it.

    Every method raises OSError where the folder of temporary files cannot be read just now.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._top = Path(environment.get("TMPDIR") or "/tmp")
        self._before = _folders(self._top)
        self._changed = _changed(self._top)
        self._ours: dict[Path, int] = {}
        self._unclaimed = False
        """Whether there is a new folder in which nobody was seen to listen yet."""

    def look(self, pids: Iterable[int]) -> None:
        """See which processes of the attempt use what is new; costs little where nothing is."""
        changed = _changed(self._top)
        if changed == self._changed and not self._unclaimed:
            return
        self._changed = changed
        new = {
            folder: inode
            for folder, inode in _folders(self._top).items()
            if self._before.get(folder) != inode and self._ours.get(folder) != inode
        }
        if not new or len(self._ours) >= _MANY:
            return
        held = _sockets_of(pids)
        for folder, sockets in _sockets_in(new).items():
            if sockets & held:
                self._ours[folder] = new[folder]
        self._unclaimed = len(new) > len(self._ours)

    def left(self) -> tuple[list[Path], list[Path]]:
        """Folders that are certainly the attempt's, and those that only appeared meanwhile."""
        now = _folders(self._top)
        new = [folder for folder, inode in now.items() if self._before.get(folder) != inode]
        ours = [folder for folder in new if self._ours.get(folder) == now[folder]]
        return ours, [folder for folder in new if folder not in ours]


def remove(folders: Iterable[Path]) -> list[Path]:
    """Remove folders in which nobody listens any more; those that are gone."""
    gone = []
    for folder in folders:
        if _sockets_in({folder: 0}):
            continue
        # rmtree follows no link on Linux, whoever else may write to the folder above.
        with suppress(OSError):
            shutil.rmtree(folder)
            gone.append(folder)
    return gone


def _changed(top: Path) -> int | None:
    """When anything was last made or removed there."""
    with suppress(OSError):
        return top.stat().st_mtime_ns
    return None


def _folders(top: Path) -> dict[Path, int]:
    """This user's folders of the known names, with their inodes; none where ``top`` is none that
    may be read. Raises OSError else: where nothing was read, everything would seem new later."""
    found = {}
    gone = (FileNotFoundError, NotADirectoryError, PermissionError)
    with suppress(*gone), os.scandir(top) as entries:
        for entry in entries:
            if not entry.name.startswith(_NAMES):
                continue
            with suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid():
                    found[top / entry.name] = status.st_ino
    return found


def _sockets_in(folders: Iterable[Path]) -> dict[Path, set[bytes]]:
    """By folder, the inodes of the sockets bound in it, as ``/proc/net/unix`` tells them."""
    wanted = {os.fsencode(folder): folder for folder in folders}
    found: dict[Path, set[bytes]] = {}
    for line in (procfs.read("/proc/net/unix", 1 << 24) or b"").splitlines()[1:]:
        fields = line.split(maxsplit=7)
        if len(fields) == 8 and (folder := wanted.get(os.path.dirname(fields[7]))) is not None:
            found.setdefault(folder, set()).add(fields[6])
    return found


def _sockets_of(pids: Iterable[int]) -> set[bytes]:
    """Inodes of the sockets that these processes have open."""
    found = set()
    for pid in pids:
        with suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/fd"):
                with suppress(OSError):
                    target = os.readlink(f"/proc/{pid}/fd/{name}")
                    if target.startswith("socket:["):
                        found.add(target[8:-1].encode())
    return found
