"""Checkpoints: the whole state of a training run, in files that are whole or not there.

A folder holds ``last.pt``, ``previous.pt`` (the last but one, for the day the last is damaged) and
``best.pt`` (the lowest validation error). They hold tensors and plain containers only, and are
loaded as nothing else: a file from elsewhere cannot run code.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import torch

from fwi.errors import DataError, DiskFullError, UsageError
from probes import files

LAST, PREVIOUS, BEST = "last.pt", "previous.pt", "best.pt"
NAMES = (LAST, PREVIOUS, BEST)
EARLIER = "earlier"
"""Folder for the checkpoints of another run that were found where this one writes."""
FORMAT = 1

State = dict[str, Any]

_PARTS: Mapping[str, type | tuple[type, ...]] = {
    "format": int,
    "config": dict,
    "samples": dict,
    "place": dict,
    "model": dict,
    "ema": (dict, type(None)),
    "optimizer": dict,
    "scaler": dict,
    "rng": dict,
    "running": dict,
    "best": (float, type(None)),
}
_MISSING = object()
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Found:
    """A sound checkpoint, and what was passed over to reach it."""

    path: Path
    state: State
    passed_over: tuple[str, ...] = ()


def save(folder: Path, state: State, *, is_best: bool) -> None:
    """Write ``last.pt``, keep the one before it, and make it ``best.pt`` too if it is.

    Whatever dies meanwhile, the folder holds a sound checkpoint if it held one before. Raises
    DiskFullError where there is no room, OSError as the file system does otherwise.
    """
    last = folder / LAST
    try:
        with files.replacing(last) as file:
            _write(state, file)
            # What can fail has been done when the last one steps back.
            file.flush()
            os.fsync(file.fileno())
            if last.exists():
                os.replace(last, folder / PREVIOUS)
        if is_best:
            copy(last, folder / BEST)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise DiskFullError(
            f"{folder}: the checkpoint could not be written ({error.strerror}, errno "
            f"{error.errno}); the one before it is whole. Make room, or name another folder with "
            "--checkpoints, and go on with --resume"
        ) from error


def try_out(folder: Path, state: State) -> int:
    """Write a checkpoint, read it back, remove it; its size in bytes. Raises as :func:`save`,
    and DataError where what was read is not what was written."""
    with tempfile.TemporaryDirectory(prefix=".dryrun-", dir=folder) as scratch:
        save(Path(scratch), state, is_best=False)
        load(Path(scratch) / LAST)
        return (Path(scratch) / LAST).stat().st_size


def copy(source: Path, target: Path) -> None:
    """Replace ``target`` by the bytes of ``source``, atomically."""
    with open(source, "rb") as taken, files.replacing(target) as given:
        shutil.copyfileobj(taken, given, 1 << 20)


class _Sink:
    """A file that remembers why it could not be written: torch reports that as its own error."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, content: bytes) -> int:
        try:
            return self._file.write(content)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self._file.flush()


def _write(state: State, file: IO[bytes]) -> None:
    sink = _Sink(file)
    try:
        torch.save(state, sink)  # type: ignore[arg-type]
    except RuntimeError:
        if sink.error is not None:
            raise sink.error from None
        raise


def load(path: Path) -> State:
    """The state in a file, its tensors on the CPU.

    Raises DataError for a file that is missing, truncated, damaged, or not a checkpoint of this
    format; nothing in the file is ever executed.
    """
    try:
        # torch does not compare checksums; a flipped bit would come back as a weight.
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise zipfile.BadZipFile(f"the checksum of {damaged} does not fit")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such checkpoint") from error
    except Exception as error:  # what a hostile file may raise has no list
        raise DataError(
            f"{path} is not a sound checkpoint ({type(error).__name__}: {_first_line(error)}); "
            "give another to --resume, or start anew without it"
        ) from error
    return _whole(path, state)


def _whole(path: Path, state: Any) -> State:
    if not isinstance(state, dict) or "format" not in state:
        raise DataError(
            f"{path} is not a training checkpoint: expected what `python -m fwi train` wrote, "
            "with every part of a run; bare weights cannot be continued"
        )
    if state["format"] != FORMAT:
        raise DataError(
            f"{path} has checkpoint format {state['format']!r}: expected {FORMAT}; it was written "
            "by another version of this program"
        )
    unfit = [
        part for part, kind in _PARTS.items() if not isinstance(state.get(part, _MISSING), kind)
    ]
    if unfit:
        raise DataError(f"{path}: parts missing or of a wrong type: {', '.join(unfit)}")
    return state


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0][:200] if lines else "no message"


def find(where: Path) -> Found:
    """The newest sound checkpoint of a folder, or of the folder in which a damaged last.pt lies.

    Raises DataError where there is none, naming each file and what is wrong with it.
    """
    if where.is_dir():
        candidates = [where / name for name in NAMES]
    elif where.name == LAST:
        candidates = [where, where.with_name(PREVIOUS)]
    else:
        candidates = [where]
    passed_over: list[str] = []
    for path in candidates:
        if path != where and not path.exists():
            continue
        try:
            return Found(path, load(path), tuple(passed_over))
        except DataError as error:
            passed_over.append(str(error))
    if not passed_over:
        raise DataError(
            f"{where}: no checkpoint in this folder (expected {LAST}, {PREVIOUS} or {BEST})"
        )
    raise DataError("\n".join(passed_over))


def put(path: Path, part: str, into: Callable[[Any], object], state: Any) -> None:
    """Hand a part of a checkpoint to what takes it; DataError where it does not fit."""
    try:
        into(state)
    except Exception as error:  # the optimizer raises KeyError, a module RuntimeError, …
        raise DataError(
            f"{path}: its {part} does not fit this run ({type(error).__name__}: "
            f"{_first_line(error)}); it was written with other code, or damaged by hand"
        ) from error


def prepare(folder: Path) -> None:
    """Make the folder, and remove what a killed process left half-written in it. Only for the one
    run that writes here. Raises UsageError for a folder that cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(
            f"--checkpoints {folder}: {error.strerror}; name a folder to write to"
        ) from error
    for name in NAMES:
        for path in folder.glob(f".{name}.*.tmp"):
            path.unlink(missing_ok=True)


def set_aside(folder: Path) -> Path | None:
    """Move the checkpoints of an earlier run out of the way of a new one; the folder they are in
    now, None where there were none."""
    found = [folder / name for name in NAMES if (folder / name).exists()]
    if not found:
        return None
    target = folder / EARLIER
    target.mkdir(exist_ok=True)
    for path in found:
        os.replace(path, target / path.name)
    return target
