"""The synth job: velocity maps and their seismic cubes as files in OpenFWI's layout.

A file appears whole or not at all, the velocity file before its seismic one, and what is there is
kept; so a run that ended in any way is continued by the same command. ``synth.json`` in the folder
holds the recipe that all its files were made by; another recipe is refused.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import DTypeLike, NDArray

from fwi import _recipe, config, geology, layout, wave
from fwi._synthesis_progress import Progress
from fwi.errors import DiskFullError, UsageError
from probes import files, pulse

_MAPS_A_CHUNK = 8  # on the CPU: seconds at most; more where there are more processors
_MAPS_A_CHUNK_GPU = 64
_SYNC_EVERY = 64 << 20  # bytes; one sync of a whole file would be seconds without a pulse
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Pair:
    """One seismic file with its velocity file, and the samples that belong in them."""

    family: layout.Family
    seismic: Path
    velocity: Path
    first: int
    samples: int

    @property
    def seismic_shape(self) -> tuple[int, ...]:
        return (self.samples, *layout.CUBE_SHAPE)

    @property
    def velocity_shape(self) -> tuple[int, ...]:
        return (self.samples, 1, *layout.MAP_SHAPE)

    def size(self, dtype: DTypeLike) -> int:
        """Bytes of both files, headers aside."""
        cells = int(np.prod(self.seismic_shape)) * np.dtype(dtype).itemsize
        return cells + int(np.prod(self.velocity_shape)) * np.dtype(np.float32).itemsize


def synthesise(job: config.Synth) -> None:
    """Write the pairs that ``job`` asks for and that are not there yet.

    Seismic files: (n, 5, 1000, 70) of ``job.dtype``; velocity files: (n, 1, 70, 70) float32, m/s,
    in the float16 re-pack too. The last pair of a family may hold fewer samples; a pair that holds
    more than asked for is kept. Prints one line at the end.

    Raises UsageError for options that cannot be or a folder that cannot, DiskFullError when
    there is no room (whole files stay, no half one), DeviceError where the device is not there.
    """
    if wrong := config.problems(job):
        raise UsageError("\n".join(wrong))
    began = time.monotonic()
    pairs = list(planned(job))
    with contextlib.ExitStack() as stack:
        try:
            job.out.mkdir(parents=True, exist_ok=True)
            targets = [path for pair in pairs for path in (pair.seismic, pair.velocity)]
            stack.enter_context(_recipe.claimed(job, targets))
        except OSError as error:
            raise UsageError(f"--out {job.out} cannot be written to: {error}") from error
        missing = [pair for pair in pairs if not _complete(pair, job.dtype)]
        _require_room(missing, job)
        if missing:
            with pulse.phase("startup"):
                wave.prepare(job.device)
        progress = stack.enter_context(Progress(sum(pair.samples for pair in missing)))
        for pair in missing:
            try:
                _write(pair, job, progress)
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    raise
                raise _disk_full(pair, job, str(error)) from error
    print(_summary(job, pairs, missing, time.monotonic() - began), flush=True)


def _summary(job: config.Synth, pairs: list[Pair], missing: list[Pair], seconds: float) -> str:
    if not missing:
        return f"nothing to make: all {2 * len(pairs)} files are in {job.out}"
    maps = sum(pair.samples for pair in missing)
    there = 2 * (len(pairs) - len(missing))
    kept = f"; {there} files were there" if there else ""
    return (
        f"made {maps:,} maps in {2 * len(missing)} files in {seconds:.1f} s "
        f"({maps / seconds * 3600:,.0f} maps/h) in {job.out}{kept}"
    )


def planned(job: config.Synth) -> Iterator[Pair]:
    """All pairs of the job, family by family."""
    for family in dict.fromkeys(job.families):
        for n, first in enumerate(range(0, job.samples, job.samples_per_file)):
            seismic, velocity = layout.pair_names(family, n)
            samples = min(job.samples_per_file, job.samples - first)
            yield Pair(family, job.out / seismic, job.out / velocity, first, samples)


def _complete(pair: Pair, dtype: DTypeLike) -> bool:
    return _holds(pair.seismic, pair.seismic_shape, dtype) and _holds(
        pair.velocity, pair.velocity_shape, np.float32
    )


def _holds(path: Path, shape: tuple[int, ...], dtype: DTypeLike) -> bool:
    """Whether a file is whole and holds at least these samples of this type."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (FileNotFoundError, ValueError, EOFError):
        return False
    return bool(
        found.dtype == np.dtype(dtype)
        and found.shape[1:] == shape[1:]
        and found.shape[0] >= shape[0]
    )


def _write(pair: Pair, job: config.Synth, progress: Progress) -> None:
    dtype = np.dtype(job.dtype)
    with pulse.phase("geology"):
        maps = geology.velocity_maps(pair.family, pair.samples, job.seed, pair.first)
        pulse.beat(progress.done, progress.total)
    for path in (pair.velocity, pair.seismic):
        path.parent.mkdir(parents=True, exist_ok=True)
    # Velocity first: a seismic file that is there then always has its velocity file.
    with files.replacing(pair.velocity) as file:
        _write_header(file, pair.velocity_shape, np.float32)
        file.write(maps.data.cast("B"))
    with files.replacing(pair.seismic) as file:
        _write_header(file, pair.seismic_shape, dtype)
        unsynced = 0
        for cubes in _simulated(maps, job, progress):
            with pulse.phase("write"):
                file.write(cubes.astype(dtype, copy=False).data.cast("B"))
                unsynced += cubes.nbytes
                if unsynced > _SYNC_EVERY:
                    file.flush()
                    os.fsync(file.fileno())
                    unsynced = 0
            pulse.beat(progress.done, progress.total)


def _simulated(
    maps: NDArray[np.float32], job: config.Synth, progress: Progress
) -> Iterator[NDArray[np.float32]]:
    """The cubes of the maps, a few at a time, with a pulse for each finished map on the CPU."""
    chunk = _MAPS_A_CHUNK_GPU
    if job.device == "cpu":
        chunk = max(_MAPS_A_CHUNK, job.threads or wave.processors())
    base = progress.done

    for first in range(0, len(maps), chunk):

        def advance(done: int, first: int = first) -> None:
            progress.advance_to(base + first + done)
            pulse.beat(progress.done, progress.total)

        with pulse.phase("simulate"):
            cubes = wave.simulate(
                maps[first : first + chunk],
                device=job.device,
                threads=job.threads,
                progress=advance,
            )
        yield cubes


def _write_header(file: IO[bytes], shape: tuple[int, ...], dtype: DTypeLike) -> None:
    npy.write_array_header_1_0(
        file,
        {"descr": npy.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape},
    )


def _require_room(missing: list[Pair], job: config.Synth) -> None:
    needed = sum(pair.size(job.dtype) for pair in missing)
    free = shutil.disk_usage(job.out).free
    if needed > free:
        raise DiskFullError(
            f"--out {job.out}: {_gib(needed)} are to be written and {_gib(free)} are free; ask for "
            "fewer --samples or --families, take --dtype float16, or name a folder with room"
        )


def _disk_full(pair: Pair, job: config.Synth, reason: str) -> DiskFullError:
    free = shutil.disk_usage(job.out).free
    return DiskFullError(
        f"{pair.seismic}: {reason}; the pair needs {_gib(pair.size(job.dtype))} and {_gib(free)} "
        "are free. No half file was left and all earlier ones are whole: make room and give the "
        "same command again to go on from here"
    )


def _gib(size: int) -> str:
    return f"{size / 2**30:.2f} GiB"
