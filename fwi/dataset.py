"""The lean dataset: just a sample's bytes, from a file that is held open only while it is in use.

A memory map of every file (1,880 for the full set) meets the descriptor limit in each worker, and
lists of Python objects grow each worker by copy-on-write. Here a worker holds the index's arrays,
shared and never written to, and a few descriptors.
"""

from __future__ import annotations

import ctypes
import functools
import math
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, get_worker_info

from fwi.config import Sharing
from fwi.errors import DataError
from fwi.layout import MAP_SHAPE
from fwi.npy import NOT_THE_FILE
from fwi.sample_index import Index
from fwi.sharing import shared_storage

OPEN_FILES = 16
"""Descriptors a process at the most, of each kind of file."""

_NUMPY_TYPES = {torch.float16: np.float16, torch.float32: np.float32}

_sharing: Sharing = "auto"
"""In a worker: where it puts its batches."""

Sample = tuple[torch.Tensor, torch.Tensor] | torch.Tensor


class Samples(Dataset[Sample]):
    """Samples of an index by position.

    ``samples[i]``: a cube, (5, 1000, 70) float16 (or the re-pack's shape), and its map, (1, 70, 70)
    float32, m/s; the cube alone where the index has no maps. float32 files are cast sample by
    sample. Nothing is normalised here: that happens on the device, in the network's input stage.

    ``DataLoader`` asks for a whole batch at once (:meth:`__getitems__`), which is read straight
    into the batch's own memory, with the batch's dimension in front.

    Raises DataError with the file's name where a file became shorter or unreadable after it was
    indexed.
    """

    def __init__(self, index: Index) -> None:
        self.index = index
        self._cubes = _Files(index.path, index.offset, index.half)
        self._maps = _Files(index.velocity_path, index.velocity_offset, index.velocity_half)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, position: int) -> Sample:
        file, number = self.index.locate(position + len(self) if position < 0 else position)
        cube = _empty(self.index.shape, torch.float16)
        self._cubes.read(file, number, cube.numpy())
        if not self.index.labelled:
            return cube
        velocity = _empty((1, *MAP_SHAPE), torch.float32)
        self._maps.read(file, number, velocity.numpy())
        return cube, velocity

    def __getitems__(self, positions: Sequence[int]) -> Sample:
        cubes = _empty((len(positions), *self.index.shape), torch.float16)
        maps = _empty((len(positions), 1, *MAP_SHAPE), torch.float32)
        cube_rows, map_rows = cubes.numpy(), maps.numpy()
        for row, position in enumerate(positions):
            file, number = self.index.locate(position)
            self._cubes.read(file, number, cube_rows[row])
            if self.index.labelled:
                self._maps.read(file, number, map_rows[row])
        return (cubes, maps) if self.index.labelled else cubes


class _Files:
    """One kind of file: reads one sample; holds the files read last open, the oldest is closed
    when there are too many."""

    def __init__(
        self,
        path: Callable[[int], Path],
        offset: NDArray[np.int64],
        half: NDArray[np.bool_],
    ) -> None:
        self._path = path
        self._offset = offset
        self._half = half
        self._open: OrderedDict[int, int] = OrderedDict()

    def read(self, file: int, number: int, into: NDArray[Any]) -> None:
        """Sample ``number`` of a file into a C-ordered array, cast where the types differ."""
        stored = np.float16 if self._half[file] else np.float32
        rows: NDArray[Any] = into if into.dtype == stored else np.empty(into.shape, stored)
        wanted = rows.nbytes
        try:
            descriptor = self._open.get(file)
            if descriptor is None:
                descriptor = self._descriptor(file)
            else:
                self._open.move_to_end(file)
            got = _fill(descriptor, rows, int(self._offset[file]) + number * wanted)
        except OSError as error:
            if error.errno in NOT_THE_FILE:
                raise
            raise DataError(
                f"{self._path(file)}: sample {number} cannot be read: {error.strerror}"
            ) from error
        if got != wanted:
            raise DataError(
                f"{self._path(file)}: sample {number} ends after {got:,} of {wanted:,} bytes; the "
                f"file was cut after the start: copy it again"
            )
        if rows is not into:
            # What is beyond float16 becomes infinite, and is told of where it shows.
            with np.errstate(over="ignore"):
                into[...] = rows

    def _descriptor(self, file: int) -> int:
        if len(self._open) >= OPEN_FILES:
            os.close(self._open.popitem(last=False)[1])
        descriptor = self._open[file] = os.open(self._path(file), os.O_RDONLY | os.O_CLOEXEC)
        return descriptor

    def close(self) -> None:
        while self._open:
            os.close(self._open.popitem()[1])

    def __getstate__(self) -> dict[str, Any]:
        # A worker that is spawned opens its own; a descriptor's number means nothing there.
        return self.__dict__ | {"_open": OrderedDict()}

    def __del__(self) -> None:
        self.close()


def _fill(descriptor: int, into: NDArray[Any], at: int) -> int:
    """Bytes read from ``at`` on; fewer than asked for only at the file's end.

    A network file system may give a part of them at a time.
    """
    got = os.preadv(descriptor, [into.data], at)
    while 0 < got < into.nbytes:
        more = os.preadv(descriptor, [into.data.cast("B")[got:]], at + got)
        if not more:
            break
        got += more
    return got


def _empty(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Memory for a batch that does not pile up.

    In a worker it is shared memory from the start, as in torch's own collate function: the batch
    is then handed over without a copy. Elsewhere it is NumPy's: torch asks for aligned memory, and
    glibc before 2.38 does not find its freed aligned blocks again, so that a worker of 180 MB grew
    to 800 MB.
    """
    if get_worker_info() is not None:
        storage = shared_storage(math.prod(shape) * dtype.itemsize, _sharing)
        batch: torch.Tensor = torch.empty(0, dtype=dtype).set_(storage, 0, shape)  # type: ignore[call-overload]
        return batch
    return torch.from_numpy(np.empty(shape, _NUMPY_TYPES[dtype]))


class EpochOrder:
    """The seeded order of one epoch, from a position on.

    A permutation of ``range(n)`` that depends on (seed, epoch) alone, so that a run that is resumed
    at ``start`` sees exactly what is left. Hands out plain integers.
    """

    def __init__(self, n: int, seed: int, epoch: int, start: int = 0) -> None:
        self._order = np.random.default_rng([seed, epoch]).permutation(n)[start:]

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[int]:
        return (int(position) for position in self._order)

    def at(self, places: range) -> list[int]:
        """The samples of a stretch of what the order hands out."""
        return [int(position) for position in self._order[places.start : places.stop]]


def loader(
    samples: Samples,
    *,
    batch_size: int = 1,
    workers: int = 2,
    device: torch.device,
    sampler: Iterable[int] | None = None,
    batches: Iterable[list[int]] | None = None,
    drop_last: bool = False,
    prefetch: int = 2,
    pin_memory: bool = True,
    sharing: Sharing = "auto",
) -> DataLoader[Sample]:
    """Batches of samples, in order or as ``sampler`` says, or just these ``batches``, read by
    ``workers`` processes.

    Each prepares ``prefetch`` batches ahead, in memory that ``sharing`` names; ``pin_memory``
    page-locks them where ``device`` is a GPU.
    """
    return DataLoader(
        samples,
        batch_size=batch_size if batches is None else 1,
        sampler=sampler,
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=_as_read,
        drop_last=drop_last,
        pin_memory=pin_memory and device.type == "cuda",
        persistent_workers=workers > 0,
        prefetch_factor=prefetch if workers > 0 else None,
        worker_init_fn=functools.partial(_settle, sharing=sharing),
    )


def _as_read(batch: Any) -> Any:
    return batch


def _settle(worker: int, sharing: Sharing) -> None:
    """In a new worker: one thread, and none of the main process's free memory.

    A fork inherits the heap, also what is free in it. As the main process uses those pages again
    each is copied, and the worker is left holding the old one: 437 MiB a worker on a run whose
    activations take 350. Giving them back at the start costs a millisecond.
    """
    global _sharing
    _sharing = sharing
    torch.set_num_threads(1)
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's alone
    if trim is not None:
        trim(0)
