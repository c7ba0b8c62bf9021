"""Predictions on disk as they are made, in a folder named after what was asked.

``<out>.work/<key>/00000.npy``, … hold 256 records each, (n, 70, 70) float32 in m/s, as the networks
gave them: neither clipped nor rounded. The key is a digest of the question: of the networks'
weights, how they are asked and combined, and of the records. So a run that was killed goes on, and
predictions of another question lie in another folder. ``question.json`` beside them spells it out.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fwi.errors import DataError, DiskFullError, UsageError
from fwi.layout import MAP_SHAPE
from fwi.npy import read_header
from fwi.sample_index import Index
from probes import files

CHUNK = 256
"""Records a file, 4.8 MiB: what a killed run loses at the most."""
VERSION = 1
"""Raised when the same question would no longer give the same predictions, rounding apart."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_LOCK = ".lock"
_MAP_BYTES = MAP_SHAPE[0] * MAP_SHAPE[1] * 4


def records_digest(index: Index) -> str:
    """Of the records' names, their order, sizes, types and times of change; nothing is read.

    Raises DataError for a file that vanished.
    """
    digest = hashlib.sha256(repr(index.shape).encode())
    for file in range(index.files):
        path = index.path(file)
        try:
            status = os.stat(path)
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}") from error
        digest.update(os.fsencode(path.name))
        digest.update(f"\0{status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class Predictions:
    """The predictions of one question, some of them made already."""

    folder: Path
    records: int

    @property
    def chunks(self) -> int:
        return -(-self.records // CHUNK)

    def size(self, chunk: int) -> int:
        """Records of a chunk."""
        return min(CHUNK, self.records - chunk * CHUNK)

    def positions(self, chunk: int) -> range:
        """The records of a chunk, by their place in the order."""
        return range(chunk * CHUNK, chunk * CHUNK + self.size(chunk))

    def missing(self) -> list[int]:
        """Chunks that are still to be made, also those whose file is not whole."""
        return [chunk for chunk in range(self.chunks) if not self._is_whole(chunk)]

    def _is_whole(self, chunk: int) -> bool:
        path = self._path(chunk)
        if not path.exists():
            return False
        try:
            header = read_header(path)
        except DataError:
            return False
        return (header.shape, header.dtype.str) == ((self.size(chunk), *MAP_SHAPE), "<f4")

    def write(self, chunk: int, maps: NDArray[np.float32]) -> None:
        """Keep a chunk, (n, 70, 70) float32 m/s. Raises DiskFullError where there is no room."""
        assert maps.shape == (self.size(chunk), *MAP_SHAPE), "a chunk is written whole"
        try:
            with files.replacing(self._path(chunk)) as file:
                np.save(file, maps)
        except OSError as error:
            raise disk_full(self._path(chunk), error) from error

    def read(self, chunk: int) -> NDArray[np.float32]:
        """A chunk again. Raises DataError where it was damaged meanwhile."""
        try:
            maps: NDArray[np.float32] = np.load(self._path(chunk), allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(
                f"{self._path(chunk)}: cannot be read ({error}); remove it and give the same "
                "command again: it is predicted anew"
            ) from error
        return maps

    def bytes_missing(self) -> int:
        return sum(self.size(chunk) for chunk in self.missing()) * _MAP_BYTES

    def remove(self) -> None:
        """Take the folder away, and the one around it if no other question is in it."""
        shutil.rmtree(self.folder)
        around = self.folder.parent
        if [path.name for path in around.iterdir()] == [_LOCK]:
            shutil.rmtree(around)

    def _path(self, chunk: int) -> Path:
        return self.folder / f"{chunk:05d}.npy"


def work_folder(target: Path) -> Path:
    """Where the predictions for a file to write are kept meanwhile."""
    return target.with_name(target.name + ".work")


@contextlib.contextmanager
def claimed(target: Path) -> Iterator[Path]:
    """The work folder of a file to write, for one run at a time; what killed runs left half-written
    of that file is removed. Raises UsageError where another run has it or it cannot be made."""
    folder = work_folder(target)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UsageError(
            f"--out {target}: {error.filename} cannot be written to ({error.strerror}); name a "
            "file in a folder to write to"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"--out {target}: another run is writing it; wait for its end, or name another file"
            ) from None
        except OSError:
            pass  # a file system without locks
        _sweep(target.parent, f".{target.name}.")
        yield folder
    finally:
        os.close(descriptor)


def opened(folder: Path, question: dict[str, Any], records: int) -> Predictions:
    """The predictions of a question in a claimed folder. Raises UsageError or DiskFullError where
    they cannot be kept there."""
    text = json.dumps(question, indent=2, sort_keys=True) + "\n"
    key = hashlib.sha256(text.encode()).hexdigest()[:12]
    found = Predictions(folder / key, records)
    try:
        found.folder.mkdir(exist_ok=True)
        _sweep(found.folder, ".")
        files.write_text(found.folder / "question.json", text)
    except OSError as error:
        raise disk_full(found.folder, error) from error
    return found


def _sweep(folder: Path, prefix: str) -> None:
    """Remove what killed processes left half-written."""
    for path in folder.iterdir():
        if path.name.startswith(prefix) and path.suffix == ".tmp":
            path.unlink(missing_ok=True)


def others(folder: Path, mine: Predictions) -> list[Path]:
    """Folders of other questions beside these predictions."""
    return sorted(p for p in folder.iterdir() if p.is_dir() and p != mine.folder)


def disk_full(path: Path, error: OSError) -> OSError | DiskFullError:
    """What to raise: the error itself, unless there was no room."""
    if error.errno not in NO_ROOM:
        return error
    return DiskFullError(
        f"{path}: could not be written ({error.strerror}). What was predicted is kept: make room "
        "and give the same command again to go on from there"
    )
