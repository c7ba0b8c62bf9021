"""The one way a whole file is written: to a temporary name beside it, synced, renamed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO


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
