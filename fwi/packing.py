"""The pack job: records streamed into a re-pack, by all processors, in a few megabytes of memory.

A file appears whole or not at all, the maps before their records, and what is there is kept; so a
run that ended in any way is continued by the same command, to the same bytes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import time
from pathlib import Path

from fwi import _pack_check, config, crew
from fwi._pack_files import Sink, explained, fill, header, identity, link, read_in_parts, reading
from fwi._pack_folder import Packed, PackFolder, opened
from fwi._pack_plan import Item, Maps, Plan, packed_bytes, planned
from fwi._synthesis_progress import Progress
from fwi.errors import DataError, DiskFullError, UsageError
from fwi.interruption import Interrupted
from fwi.repack import NotRepresentable, Repack
from probes import pulse

_THREADS = 32
"""Beyond these the disk is what limits, and each holds up to 5 MB."""
_REPORT_EVERY = 8 << 20
"""Bytes read between two words to the main thread."""
_COPY_AT_ONCE = 1 << 20


def pack(job: config.Pack) -> None:
    """Write the pack that ``job`` asks for, or with ``--check`` verify one.

    Seismic files keep their names and folders, (n, 5, 1000, 70), (n, 5, 70, 70) or (n, 5, 72, 72)
    of ``job.dtype``; maps are the source's, byte for byte; ``folds.csv`` and ``SHA256SUMS`` stand
    beside them. Prints one line at the end.

    Raises UsageError for folders that cannot be or that hold something else, DataError for a
    source that cannot be packed or a pack that is not as it was made, DiskFullError when there is
    no room (whole files stay, no half one), Interrupted after SIGTERM or SIGINT.
    """
    if wrong := config.problems(job):
        raise UsageError("\n".join(wrong))
    if job.check:
        _pack_check.verify(job.checked, threads(job))
        return
    began = time.monotonic()
    with pulse.phase("startup"):
        plan = planned(job)
    with opened(job) as folder:
        with pulse.phase("startup"):
            missing, records = _missing(plan, folder, job)
        if missing:
            with Progress(records, doing="packing", did="packed", unit="records") as progress:
                _write(plan, folder, job, progress)
        with pulse.phase("manifest"):
            folder.finish()
    print(_summary(job, plan.files, missing, records, time.monotonic() - began), flush=True)


def threads(job: config.Pack) -> int:
    """How many work at a time: one more than processors, as some wait for the disk to sync."""
    return job.threads or min(_THREADS, len(os.sched_getaffinity(0)) + 1)


def _missing(plan: Plan, folder: PackFolder, job: config.Pack) -> tuple[int, int]:
    """Files and records that are still to be packed; there is room for them."""
    missing = records = needed = 0
    for item in plan:
        if not _is_done(item, folder):
            missing += 1
            records += item.records
            needed += packed_bytes(item, job)
    free = shutil.disk_usage(folder.root).free
    if needed > free:
        raise DiskFullError(
            f"DEST {folder.root}: {needed / 2**30:.2f} GiB are to be written and "
            f"{free / 2**30:.2f} GiB are free; take a smaller --size, fewer --families or --maps "
            "link, or name a folder with room"
        )
    return missing, records


def _is_done(item: Item, folder: PackFolder) -> bool:
    maps = item.maps
    return folder.holds(item.target, item.seismic) and (
        maps is None or folder.holds(maps.target, maps.source)
    )


def _write(plan: Plan, folder: PackFolder, job: config.Pack, progress: Progress) -> None:
    def advance(records: int) -> None:
        progress.advance_to(progress.done + records)
        pulse.beat(progress.done, progress.total)

    try:
        with pulse.phase("pack"):
            crew.work(
                (item for item in plan if not _is_done(item, folder)),
                lambda report: _Packer(job, folder, report).pack,
                threads(job),
                advance,
            )
    except Interrupted as interrupted:
        print(
            f"stopped by {interrupted.signal_name} after {progress.done:,} of {progress.total:,} "
            "records; whole files stay, give the same command again to go on",
            file=sys.stderr,
            flush=True,
        )
        raise


class _Packer:
    """One thread's work, with its own buffers."""

    def __init__(self, job: config.Pack, folder: PackFolder, report: crew.Report) -> None:
        self._job = job
        self._folder = folder
        self._report = report
        self._repacks: dict[object, Repack] = {}
        self._copied = bytearray(_COPY_AT_ONCE)

    def pack(self, item: Item) -> None:
        """The maps first: a seismic file that is there then always has its maps."""
        maps = item.maps
        if maps is not None and not self._folder.holds(maps.target, maps.source):
            self._pack_maps(maps)
        if not self._folder.holds(item.target, item.seismic):
            self._pack_cubes(item)
        else:
            self._report.done(item.records)

    def _pack_maps(self, maps: Maps) -> None:
        before, target = identity(maps.source), self._target(maps.target)
        with reading(maps.source) as descriptor:
            parts = read_in_parts(descriptor, self._copied, maps.source)
            if self._job.maps == "link":
                found = hashlib.sha256()
                for part in parts:
                    found.update(part)
                with explained(target):
                    link(maps.source.resolve(), target)
            else:
                with Sink(target) as sink:
                    for part in parts:
                        self._report.check()
                        sink.write(part)
                found = sink.digest
        self._folder.add(Packed(maps.target, found.hexdigest(), before[0], before))

    def _pack_cubes(self, item: Item) -> None:
        before, target = identity(item.seismic), self._target(item.target)
        repack = self._repack(item)
        size = repack.record.nbytes
        unsaid = 0
        with reading(item.seismic) as descriptor, Sink(target) as sink:
            sink.write(header(item.packed_shape(self._job.size), self._job.dtype))
            for number in range(item.records):
                self._report.check()
                fill(descriptor, repack.record.data, item.offset + number * size, item.seismic)
                try:
                    sink.write(repack())
                except NotRepresentable as error:
                    wider = "; --dtype float32 keeps large numbers" if error.is_of_type else ""
                    raise DataError(
                        f"{item.seismic}: record {number} holds {error}; no network learns from "
                        f"it: mend the file or leave it out{wider}"
                    ) from error
                unsaid += 1
                if unsaid * size >= _REPORT_EVERY:
                    self._report.done(unsaid)
                    unsaid = 0
        label = item.maps.target if item.maps is not None else None
        digest = sink.digest.hexdigest()
        self._folder.add(
            Packed(item.target, digest, sink.size, before, item.family, item.fold, label)
        )
        self._report.done(unsaid)

    def _repack(self, item: Item) -> Repack:
        key = (item.cube_shape, item.stored)
        if key not in self._repacks:
            self._repacks[key] = Repack(*key, self._job.size, self._job.dtype)
        return self._repacks[key]

    def _target(self, path: str) -> Path:
        target = self._folder.place(path)
        with explained(self._folder.root):
            target.parent.mkdir(parents=True, exist_ok=True)
        return target


def _summary(job: config.Pack, total: int, missing: int, records: int, seconds: float) -> str:
    if not missing:
        return f"nothing to pack: all {total:,} files are in {job.dest}"
    there = total - missing
    kept = f"; {there:,} were there" if there else ""
    return (
        f"packed {records:,} records in {missing:,} files in {seconds:.1f} s "
        f"({records / seconds:,.0f} records/s) in {job.dest}{kept}"
    )
