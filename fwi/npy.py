"""The header of an .npy file, read without trusting it: shape, type, and where the data begins."""

from __future__ import annotations

import errno
import functools
import io
import math
import os
import stat
import tokenize
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib import format as npy_format

from fwi.errors import DataError

NOT_THE_FILE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""Refusals to open or read that say nothing of the file: the process or the machine ran out."""

_ENOUGH = 256
"""Bytes that hold the header of nearly every file; NumPy's own of our arrays takes 128."""


@dataclass(frozen=True)
class Header:
    """What an .npy file says of itself, checked against its size."""

    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int
    """Bytes before the first value."""


def read_header(path: Path) -> Header:
    """The header of a C-ordered array of plain numbers whose file is exactly as long as it says.

    Nothing is unpickled. Raises DataError with the file's name for anything else; OSError where
    descriptors or memory ran out.
    """
    try:
        # Without O_NONBLOCK a named pipe would be waited on for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise DataError(f"{path}: a folder, pipe or device, expected an .npy file")
            header = _parsed(path, _raw(descriptor))
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in NOT_THE_FILE:
            raise
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    expected = header.offset + math.prod(header.shape) * header.dtype.itemsize
    if status.st_size != expected:
        raise DataError(
            f"{path}: {status.st_size:,} bytes, expected {expected:,} for {header.dtype} of shape "
            f"{header.shape}; the file is "
            f"{'truncated' if status.st_size < expected else 'too long'}: copy it again"
        )
    return header


def _raw(descriptor: int) -> bytes:
    """Everything before the first value, as far as the file's first bytes can be believed."""
    start = os.pread(descriptor, _ENOUGH, 0)
    width = 2 if start[6:7] == b"\x01" else 4
    size = 8 + width + int.from_bytes(start[8 : 8 + width], "little")
    # A longer one than NumPy accepts is left to NumPy to refuse.
    return start[:size] if size <= len(start) else os.pread(descriptor, min(size, 1 << 16), 0)


def _parsed(path: Path, raw: bytes) -> Header:
    try:
        header, fortran = _parse(raw)
    except (
        # What NumPy's parser lets through when the text is no header at all.
        ValueError,
        TypeError,
        SyntaxError,
        EOFError,
        RecursionError,
        MemoryError,
        tokenize.TokenError,
    ) as error:
        raise DataError(f"{path}: not an .npy file of numbers ({error})") from error
    if header.dtype.hasobject:
        raise DataError(f"{path}: holds Python objects (a pickle), expected numbers; not loaded")
    if fortran:
        raise DataError(
            f"{path}: Fortran order, expected C order; save it with np.ascontiguousarray"
        )
    return header


@functools.lru_cache(maxsize=64)
def _parse(raw: bytes) -> tuple[Header, bool]:
    """The files of a set have the same few headers: 65,818 test records are parsed once."""
    file = io.BytesIO(raw)
    version = npy_format.read_magic(file)
    if version == (1, 0):
        shape, fortran, dtype = npy_format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, fortran, dtype = npy_format.read_array_header_2_0(file)
    else:
        raise ValueError(f"format version {version}")
    return Header(tuple(shape), dtype, file.tell()), fortran
