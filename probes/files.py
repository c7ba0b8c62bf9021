"""The one way a whole file is written: to a temporary name beside it, synced, renamed."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal

Way = Literal["replace", "append", "refuse"]
_DESCRIPTORS = re.compile(r"/proc/[^/]+(/task/[^/]+)?/fd")
_MOST_LINKS = 40


@contextlib.contextmanager
def replacing(
    path: Path, mode: int = 0o644, *, sync: bool = True, sync_name: bool = True
) -> Iterator[IO[bytes]]:
    """A binary file that becomes ``path`` when the block ends well, and vanishes when it does not.

    Not ``sync``: for what is rewritten all the time, and worth nothing after the machine's crash.
    A reader sees the old file or the whole new one, whatever dies in between. Raises OSError as
    the file system does (disk full, no permission), with ``path`` untouched. ``sync_name=False``:
    who writes many files into a folder calls :func:`sync_folder` once, after the last; until then a
    machine that loses its power may have forgotten the new one.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        # For remove_abandoned; where the file system has no locks, nothing is removed.
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fchmod(descriptor, mode)
            if sync:
                os.fsync(descriptor)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    if sync and sync_name:
        sync_folder(path.parent)


def remove_abandoned(half: Path) -> bool:
    """Remove a temporary file of :func:`replacing` whose writer has died; whether it was one."""
    try:
        descriptor = os.open(half, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(half)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def write_bytes(path: Path, content: bytes, *, sync: bool = True) -> None:
    """Replace ``path`` by ``content`` atomically."""
    with replacing(path, sync=sync) as file:
        file.write(content)


def write_text(path: Path, content: str, *, sync: bool = True) -> None:
    """Replace ``path`` by ``content`` in UTF-8 atomically."""
    write_bytes(path, content.encode("utf-8", "backslashreplace"), sync=sync)


def named(path: Path) -> Path:
    """The file behind a path that a person named, to be replaced: a link stays, and leads to it.

    Raises OSError for what is not a file, and must not become one: a folder, a pipe, a device.
    """
    mode = _mode(path)
    if way_to(mode, is_descriptor=_is_descriptor(path)) != "replace":
        raise _no_file(path, mode)
    return Path(os.path.realpath(path))


def write_named(path: Path, content: str) -> None:
    """Give ``content`` in UTF-8 to a place that a person named: a file is replaced as by
    :func:`named`, a pipe or a terminal is written to, once somebody reads. Raises OSError."""
    mode = _mode(path)
    if way_to(mode, is_descriptor=_is_descriptor(path)) != "append":
        write_text(named(path), content)
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOCTTY | os.O_CLOEXEC)
    with open(descriptor, "wb") as file:
        file.write(content.encode("utf-8", "backslashreplace"))


def way_to(mode: int | None, *, is_descriptor: bool = False) -> Way:
    """How to write to a place that a person named, by its ``st_mode``; None: nothing is there.
    ``is_descriptor``: it is an open file, as /dev/stderr, that others have written to."""
    if mode is None or stat.S_ISREG(mode):
        return "append" if is_descriptor else "replace"
    return "append" if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) else "refuse"


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def _no_file(path: Path, mode: int | None) -> OSError:
    if mode is not None and stat.S_ISDIR(mode):
        return IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    return OSError(errno.EINVAL, "is a pipe or a device; name a file", str(path))


def _is_descriptor(path: Path) -> bool:
    for _ in range(_MOST_LINKS):
        folder = os.path.realpath(path.parent)
        if _DESCRIPTORS.fullmatch(folder):
            return True
        try:
            path = Path(folder, os.readlink(Path(folder, path.name)))
        except OSError:
            return False
    return False


def reserve(path: Path, size: int) -> None:
    """Make a file of ``size`` bytes whose blocks are taken; removing it gives them back.

    Raises OSError with nothing left where there is no space, or the file exists.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError:
        os.unlink(path)
        raise
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Have the names of a folder on the disk."""
    # Some network file systems refuse to sync a folder; the rename itself has happened by then.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
