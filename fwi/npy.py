"""The header of an .npy file, read without trusting it: shape, type, and where the data begins."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy_format

from fwi.errors import DataError

_LONGEST_HEADER = 1 << 16


@dataclass(frozen=True)
class Header:
    """What an .npy file says of itself, checked against its size."""

    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int
    """Bytes before the first value."""


def read_header(path: Path) -> Header:
    """The header of a C-ordered array of plain numbers whose file is exactly as long as it says.

    Nothing is unpickled. Raises DataError with the file's name for anything else.
    """
    try:
        with open(path, "rb") as file:
            header = _parse(path, file)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    expected = header.offset + int(np.prod(header.shape)) * header.dtype.itemsize
    if size != expected:
        raise DataError(
            f"{path}: {size:,} bytes, expected {expected:,} for {header.dtype} of shape "
            f"{header.shape}; the file is {'truncated' if size < expected else 'too long'}: "
            f"copy it again"
        )
    return header


def _parse(path: Path, file: BinaryIO) -> Header:
    try:
        version = npy_format.read_magic(file)
        if version == (1, 0):
            shape, fortran, dtype = npy_format.read_array_header_1_0(
                file, max_header_size=_LONGEST_HEADER
            )
        elif version == (2, 0):
            shape, fortran, dtype = npy_format.read_array_header_2_0(
                file, max_header_size=_LONGEST_HEADER
            )
        else:
            raise ValueError(f"format version {version}")
    except (ValueError, EOFError) as error:
        raise DataError(f"{path}: not an .npy file of numbers ({error})") from error
    if dtype.hasobject:
        raise DataError(f"{path}: holds Python objects (a pickle), expected numbers; not loaded")
    if fortran:
        raise DataError(
            f"{path}: Fortran order, expected C order; save it with np.ascontiguousarray"
        )
    return Header(tuple(shape), dtype, file.tell())
