"""The competition's submission: which rows in which order, and writing them.

A header ``oid_ypos,x_1,x_3,…,x_69``, then for each record 70 rows ``<oid>_y_0`` … ``<oid>_y_69`` of
the 35 odd columns of its map, in m/s.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from fwi import _rows
from fwi.errors import DataError, NonFiniteError
from fwi.layout import MAP_SHAPE
from fwi.predictions import disk_full
from fwi.sample_index import Index
from probes import files

ROWS = MAP_SHAPE[0]
COLUMNS = tuple(f"x_{x}" for x in range(1, MAP_SHAPE[1], 2))
HEADER = ",".join(("oid_ypos", *COLUMNS))

_OID = re.compile(r"[A-Za-z0-9._-]+")
_COMPETITIONS = re.compile(r"[0-9a-f]{10}")
_SUFFIXES = tuple(f"_y_{y}".encode() for y in range(ROWS))
_SHOWN = 5
_FORMATTERS = 2
_SYNC_EVERY = 64 << 20  # bytes; one sync of a whole file would be seconds without a pulse

Blocks = Iterable[NDArray[np.float32]]
"""Maps of the records in their order, (n, 70, 70) m/s at a time."""


def oids_of(index: Index) -> list[str]:
    """The oid of each record: its file's name without the ending.

    Raises DataError for names that would not be an id in a table.
    """
    oids = [index.name_of(file).removesuffix(".npy") for file in range(index.files)]
    wrong = [n for n, oid in enumerate(oids) if not _OID.fullmatch(oid)]
    if wrong:
        raise DataError(
            f"{_some([ascii(index.name_of(n)) for n in wrong])} in {index.root}: expected "
            "<oid>.npy, an oid of letters, digits, dots, dashes and underscores; rename what is a "
            "record, take away what is none"
        )
    return oids


def strangers(oids: Sequence[str]) -> list[str]:
    """Those that are not like the competition's, ten hexadecimal digits."""
    return [oid for oid in oids if not _COMPETITIONS.fullmatch(oid)]


def read_order(path: Path) -> list[str]:
    """The oids of a sample_submission.csv in its order.

    Raises DataError that names the line where the header is another, rows of an oid are not y_0 to
    y_69 one after the other, or an oid comes twice.
    """
    oids: dict[str, None] = {}
    try:
        with open(path, "rb") as file:
            header = file.readline().decode("utf-8-sig", "replace").rstrip("\r\n")
            if header != HEADER:
                raise DataError(
                    f"{path}: line 1 is {_short(header)}, expected oid_ypos,x_1,x_3,…,x_69, the "
                    f"{len(COLUMNS)} odd columns"
                )
            stem = b""
            number, blank = -1, 0
            for at, line in enumerate(file, 2):
                if not line.strip():
                    blank = blank or at
                    continue
                if blank:
                    raise DataError(f"{path}: line {blank} is empty, and more follows it")
                number += 1
                name = line.partition(b",")[0].strip()
                y = number % ROWS
                if y == 0:
                    stem = name.removesuffix(_SUFFIXES[0])
                if name != stem + _SUFFIXES[y] or not stem:
                    expected = stem.decode("utf-8", "replace") if y else "<oid>"
                    raise DataError(
                        f"{path}: line {number + 2} has the id "
                        f"{_short(name.decode('utf-8', 'replace'))}, expected {expected}_y_{y}: an "
                        f"oid's rows are y_0 to y_{ROWS - 1}, one after the other"
                    )
                if y == 0:
                    oid = stem.decode("utf-8", "replace")
                    if oid in oids:
                        raise DataError(f"{path}: line {number + 2}: {oid} comes a second time")
                    oids[oid] = None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    if (number + 1) % ROWS or not oids:
        raise DataError(
            f"{path}: {number + 1:,} rows, expected {ROWS} for each oid; it was cut: copy it again"
        )
    return list(oids)


def in_order_of(index: Index, sample: Path) -> Index:
    """The records in the order of a sample submission. Raises DataError where the oids differ."""
    wanted = read_order(sample)
    place = {oid: file for file, oid in enumerate(oids_of(index))}
    problems = []
    if missing := [oid for oid in wanted if oid not in place]:
        problems.append(f"{index.root}: no record of {_some(missing)}, which {sample} asks for")
    known = set(wanted)
    if extra := [oid for oid in place if oid not in known]:
        problems.append(f"{index.root}: {_some(extra)}: records that {sample} does not ask for")
    if problems:
        problems.append("expected the same oids in both; are they of the same set?")
        raise DataError("\n".join(problems))
    return index.select(np.array([place[oid] for oid in wanted], dtype=np.int64))


def write_csv(
    path: Path,
    oids: Sequence[str],
    blocks: Blocks,
    *,
    whole: bool = False,
    advance: Callable[[], None] = lambda: None,
) -> None:
    """Write a submission, atomically; the memory is that of a few blocks.

    Args:
        oids: one for each map that comes, in their order.
        whole: whole m/s; else one decimal.
        advance: called after each block.
    Raises:
        NonFiniteError: a map holds what is no velocity; names the oid.
        DiskFullError, OSError: it cannot be written; ``path`` is as it was.
    """

    def text(names: Sequence[str], maps: NDArray[np.float32]) -> memoryview:
        require_finite(names, maps)
        return _rows.text(names, maps, 0 if whole else 1)

    with _replaced(path) as write, ThreadPoolExecutor(_FORMATTERS) as pool:
        write((HEADER + "\n").encode())
        under_way: deque[Future[memoryview]] = deque()
        for names, maps in _named(oids, blocks):
            under_way.append(pool.submit(text, names, maps))
            if len(under_way) > _FORMATTERS:
                write(under_way.popleft().result())
                advance()
        for formatted in under_way:
            write(formatted.result())
            advance()


def ids_path(path: Path) -> Path:
    """The list of oids that goes with an array of predictions."""
    return path.with_suffix(".oids.txt")


def write_npy(
    path: Path,
    oids: Sequence[str],
    blocks: Blocks,
    *,
    whole: bool = False,
    advance: Callable[[], None] = lambda: None,
) -> None:
    """Write all cells, (N, 1, 70, 70) float32 m/s, and beside it :func:`ids_path`, an oid a line;
    arguments and what is raised as for :func:`write_csv`.

    Whatever ends it, no array stands beside the list of another: in between there is no list.
    """
    shape = (len(oids), 1, *MAP_SHAPE)
    listed = ids_path(path)
    with _replaced(listed) as write_ids, _replaced(path) as write:
        write_ids("".join(f"{oid}\n" for oid in oids).encode())
        header = io.BytesIO()
        npy.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": shape})
        write(header.getvalue())
        for names, maps in _named(oids, blocks):
            require_finite(names, maps)
            rounded = np.rint(maps) if whole else maps
            write(np.ascontiguousarray(rounded, "<f4").data.cast("B"))
            advance()
        write.sync()
        files.named(listed).unlink(missing_ok=True)


def require_finite(oids: Sequence[str], maps: NDArray[np.float32]) -> None:
    """Raise NonFiniteError that names the first oid whose map is no map of velocities."""
    sound = (np.abs(maps) < _rows.LARGEST).all((1, 2))  # false for NaN too
    if not sound.all():
        oid = oids[int(sound.argmin())]
        raise NonFiniteError(f"{oid}: its prediction is not finite; nothing was written")


def _named(
    oids: Sequence[str], blocks: Blocks
) -> Iterator[tuple[Sequence[str], NDArray[np.float32]]]:
    first = 0
    for maps in blocks:
        yield oids[first : first + len(maps)], maps
        first += len(maps)
    if first != len(oids):
        raise ValueError(f"{first} maps for {len(oids)} oids")


class _Sink:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._unsynced = 0

    def __call__(self, content: bytes | memoryview) -> None:
        self._file.write(content)
        self._unsynced += len(content)
        if self._unsynced > _SYNC_EVERY:
            self.sync()

    def sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._unsynced = 0


@contextlib.contextmanager
def _replaced(path: Path) -> Iterator[_Sink]:
    """What writes to a file that becomes ``path`` when the block ends well."""
    try:
        with files.replacing(files.named(path)) as file:
            yield _Sink(file)
    except OSError as error:
        raise disk_full(path, error) from error


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def _short(text: str) -> str:
    return ascii(text if len(text) <= 60 else text[:57] + "...")
