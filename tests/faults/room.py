"""The room of a trial: mounts in a namespace of its own, and a memory cgroup. When the process that
made it is killed nothing stays but an empty cgroup."""

from __future__ import annotations

import contextlib
import ctypes
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from probes import cgroup

_CLONE_NEWNS = 0x00020000
_MNT_DETACH = 2
_MS_PRIVATE_RECURSIVE = (1 << 18) | (1 << 14)
_libc = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):
    """The room cannot be made here; the text says why."""


@contextlib.contextmanager
def furnished(room: Mapping[str, Any], scratch: Path) -> Iterator[dict[str, str]]:
    """The folders of the trial by name. Mounts stand in a namespace of the warden's own: they are
    gone with its last process, even if it is killed."""
    places = {"scratch": str(scratch)}
    shm_kib, disk_kib = room.get("shm_kib"), room.get("disk_kib")
    try:
        _own_mounts()
        _mount_tmpfs("/dev/shm", shm_kib or 1 << 20)
        places["shm"] = "/dev/shm"
        if disk_kib is not None:
            (scratch / "disk").mkdir()
            _mount_tmpfs(str(scratch / "disk"), disk_kib)
            places["disk"] = str(scratch / "disk")
    except OSError as error:
        if shm_kib is not None or disk_kib is not None:
            raise Refused(f"no mount namespace can be made here: {error}") from error
    folder = None if room.get("cgroup_mib") is None else _make_cgroup(int(room["cgroup_mib"]))
    try:
        yield places if folder is None else places | {"cgroup": str(folder)}
    finally:
        _libc.umount2(places.get("disk", "").encode(), _MNT_DETACH)
        if folder is not None:
            for inner in reversed(subgroups(folder)):
                _remove_cgroup(folder / inner)
            _remove_cgroup(folder)


def _check(failed: int, what: str) -> None:
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _own_mounts() -> None:
    _check(_libc.unshare(_CLONE_NEWNS), "unshare")
    _check(_libc.mount(b"none", b"/", None, _MS_PRIVATE_RECURSIVE, None), "mount / private")


def _mount_tmpfs(where: str, kib: int) -> None:
    options = f"size={kib}k,mode=1777".encode()
    _check(_libc.mount(b"none", where.encode(), b"tmpfs", 0, options), f"mount {where}")


def _make_cgroup(mib: int) -> Path:
    own = cgroup.memory_group()
    if own is None:
        raise Refused("no cgroup manages memory here")
    folder = own.folder / f"fault-{uuid.uuid4().hex}"
    try:
        folder.mkdir()
        limit = "memory.max" if own.version == 2 else "memory.limit_in_bytes"
        (folder / limit).write_text(str(mib << 20))
    except OSError as error:
        if folder.exists():
            folder.rmdir()
        raise Refused(f"no memory cgroup can be made here: {error}") from error
    return folder


def _remove_cgroup(folder: Path) -> None:
    """A group stays busy for a moment after its last process was killed."""
    until = time.monotonic() + 2
    while True:
        try:
            folder.rmdir()
            return
        except OSError:
            if time.monotonic() >= until:
                raise
            time.sleep(0.02)


def subgroups(folder: Path) -> list[str]:
    return sorted(
        str(Path(where, name).relative_to(folder))
        for where, names, _ in os.walk(folder)
        for name in names
    )
