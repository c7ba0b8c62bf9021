"""How a pack job reads and writes: what fails is said in words, nothing is left half-written."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from fwi.errors import DataError, DiskFullError, UsageError
from fwi.npy import NOT_THE_FILE
from probes import files

_SYNC_EVERY = 64 << 20
"""Bytes; one sync of a whole file would be seconds without a pulse."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def identity(path: Path) -> tuple[int, int]:
    """Size and time of change (ns): what tells a file from a changed one. Raises DataError."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    return status.st_size, status.st_mtime_ns


class Sink:
    """A file that gets its name when it is whole, hashed as it is written; a context manager. Its
    folder is to be synced by who uses it.

    Raises DiskFullError or UsageError where it cannot be written; what its block raises passes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack = contextlib.ExitStack()
        self.digest = hashlib.sha256()
        self.size = self._unsynced = 0

    def __enter__(self) -> Sink:
        # Outermost: what fails when the file is synced or renamed is explained too.
        self._stack.enter_context(explained(self._path))
        self._file: IO[bytes] = self._stack.enter_context(
            files.replacing(self._path, sync_name=False)
        )
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(*error)  # type: ignore[arg-type]

    def write(self, content: memoryview) -> None:
        self.digest.update(content)
        self._file.write(content)
        self.size += len(content)
        self._unsynced += len(content)
        if self._unsynced > _SYNC_EVERY:
            self._file.flush()
            os.fdatasync(self._file.fileno())
            self._unsynced = 0


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """A refusal to write ``path``, in words. What is read inside must raise no OSError."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise UsageError(
                f"{path}: cannot be written: {error.strerror}; whole files stay, give the same "
                "command again when it can"
            ) from error
        free = shutil.disk_usage(path.parent).free
        raise DiskFullError(
            f"{path}: {error.strerror}, {free / 2**30:.2f} GiB are free. No half file was left and "
            "all earlier ones are whole: make room and give the same command again to go on"
        ) from error


@contextlib.contextmanager
def reading(path: Path) -> Iterator[int]:
    """A descriptor of a file that is read from its beginning to its end. Raises DataError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in NOT_THE_FILE:
            raise
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        with contextlib.suppress(OSError):  # a hint
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        yield descriptor
    finally:
        os.close(descriptor)


def fill(descriptor: int, into: memoryview, at: int, path: Path) -> None:
    """Read bytes from ``at`` on until ``into`` is full; a network file system gives parts of them.

    Raises DataError that names ``path`` where it ends before, or cannot be read.
    """
    part = into.cast("B")
    try:
        while part and (count := os.preadv(descriptor, [part], at)):
            part, at = part[count:], at + count
    except OSError as error:
        raise DataError(f"{path}: cannot be read at byte {at:,}: {error.strerror}") from error
    if part:
        raise DataError(
            f"{path}: ends {len(part):,} bytes before its record does; the file was cut after the "
            "start: copy it again"
        )


def read_in_parts(descriptor: int, buffer: bytearray, path: Path) -> Iterator[memoryview]:
    """What follows, as far as ``buffer`` reaches at a time. Raises DataError."""
    while True:
        try:
            count = os.readv(descriptor, [buffer])
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}") from error
        if not count:
            return
        yield memoryview(buffer)[:count]


def header(shape: tuple[int, ...], dtype: str) -> memoryview:
    """What an .npy file of a C-ordered array begins with."""
    written = io.BytesIO()
    npy.write_array_header_1_0(
        written,
        {"descr": npy.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape},
    )
    return memoryview(written.getvalue())


def link(source: Path, target: Path) -> None:
    """Make ``target`` a symbolic link to ``source``, in place of what is there."""
    name = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    name.unlink(missing_ok=True)
    os.symlink(source, name)
    os.replace(name, target)
