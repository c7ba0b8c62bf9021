"""Headers that are read, and files that are no arrays."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from fwi.errors import DataError
from fwi.npy import Header, read_header


@pytest.fixture
def no_descriptor_left() -> Iterator[None]:
    """This process may open no more files."""
    free = os.open("/", os.O_RDONLY)
    os.close(free)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def with_header(path: Path, text: bytes) -> Path:
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
    return path


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_header_is_what_numpy_wrote(tmp_path: Path, version: tuple[int, int]) -> None:
    path = tmp_path / "a.npy"
    array = np.arange(24, dtype=np.float16).reshape(2, 3, 4)
    with open(path, "wb") as file:
        np.lib.format.write_array(file, array, version)
    header = read_header(path)
    assert header == Header((2, 3, 4), np.dtype("<f2"), path.stat().st_size - array.nbytes)
    assert np.array_equal(np.fromfile(path, "<f2", offset=header.offset), array.ravel())


def test_header_longer_than_the_usual_one_is_read_whole(tmp_path: Path) -> None:
    text = b"{'descr':'<f4','fortran_order':False,'shape':(1,),}".ljust(4000) + b"\n"
    path = with_header(tmp_path / "a.npy", text)
    with open(path, "ab") as file:
        file.write(bytes(4))
    assert read_header(path) == Header((1,), np.dtype("<f4"), 4011)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\0" * 40,
        b"(" * 9000,
        b"{[]: 1}",
        b"{'descr': '<f4'}",
        b"{'descr': 3, 'fortran_order': False, 'shape': (1,)}",
        b"__import__('os').getcwd()",
    ],
    ids=["empty", "zeros", "nested", "unhashable", "keys missing", "no type", "code"],
)
def test_text_that_is_no_header_is_refused_by_name(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(DataError, match=r"a\.npy: not an \.npy file of numbers"):
        read_header(with_header(tmp_path / "a.npy", text))


def test_array_too_large_for_64_bits_is_refused_as_truncated(tmp_path: Path) -> None:
    text = b"{'descr':'<f4','fortran_order':False,'shape':(2305843009213693952,8,),}"
    with pytest.raises(DataError, match="the file is truncated"):
        read_header(with_header(tmp_path / "a.npy", text))


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_pipes_and_folders_are_refused_without_waiting(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "a.npy")
    with pytest.raises(DataError, match=r"expected an \.npy file"):
        read_header(tmp_path / "a.npy")


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.npy: cannot be read: No such file"):
        read_header(tmp_path / "a.npy")


def test_too_many_open_files_is_not_held_against_the_file(
    tmp_path: Path, no_descriptor_left: None
) -> None:
    with pytest.raises(OSError, match="Too many open files") as caught:
        read_header(tmp_path / "a.npy")
    assert caught.value.errno == errno.EMFILE
