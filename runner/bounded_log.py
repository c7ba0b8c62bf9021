"""The file that keeps what a job printed: bounded, the newest end whole.

Every byte goes to disk at once while the job prints little. A job that prints faster than about
4 MB/s would have most of that written only to be dropped again, so from then on the newest bytes
are held in memory and written four times a second. The same memory serves while the disk is full:
what is held is written as soon as there is space again.
"""

from __future__ import annotations

import itertools
import mmap
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

TAIL = 1 << 16
PERIOD = 0.25
"""Seconds after which what is held is written, also to a disk that was full."""
_AT_ONCE = 1 << 20
"""Bytes that are written at once in each period."""
_HELD = 6 << 20
"""Bytes held at the most: of the 50 MB that the supervisor may take, what its code leaves free."""
_COPY = 1 << 18


class Timer(Protocol):
    def cancel(self) -> None: ...


class BoundedLog:
    """A file that holds the newest ``limit`` bytes at the most, and the last 64 KiB in memory.

    Args:
        path: of a file that does not exist yet.
        limit: bytes; when there are more, the newest three eighths are kept.
        later: ``loop.call_later`` or alike; None: nothing is held back but what a full disk
            refuses, and that is tried again with the next write.

    Raises OSError where the file cannot be made; what happens later is in ``error``.
    """

    def __init__(
        self,
        path: Path,
        limit: int,
        later: Callable[[float, Callable[[], None]], Timer] | None = None,
    ) -> None:
        self.path = path
        self.total = 0
        self.error: str | None = None
        """Why the newest bytes are not in the file; None while they are, or soon will be."""
        self._limit = limit
        self._keep = limit * 3 // 8
        self._later = later
        self._timer: Timer | None = None
        self._size = 0
        self._in_period = 0
        self._tail = _Newest(TAIL)
        self._held = _Newest(min(self._keep, _HELD))
        self._descriptor = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600
        )

    def write(self, data: bytes) -> None:
        self.total += len(data)
        self._tail.add(data)
        self._in_period += len(data)
        holds_all_that_is_kept = self._held.most >= self._keep
        if not holds_all_that_is_kept and self._held.bytes + len(data) > self._held.most:
            self.flush()
        self._held.add(data)
        if self._later is None:
            self.flush()
            return
        if self._timer is None:
            self._timer = self._later(PERIOD, self._period_is_over)
        if self._in_period <= _AT_ONCE and self.error is None:
            self.flush()

    def _period_is_over(self) -> None:
        self._timer = None
        self._in_period = 0
        self.flush()
        if self._held.bytes and self._later is not None:
            self._timer = self._later(PERIOD, self._period_is_over)

    def flush(self) -> None:
        """Write what is held; where that fails it stays held, and ``error`` says why."""
        if not self._held.bytes:
            return
        held = self._held.bytes
        try:
            if self._held.dropped or held >= self._keep:
                self._replace(self._held.parts(), held)
            elif self._size + held > self._limit:
                older = self._newest_of_file(self._keep - held)
                self._replace(itertools.chain(older, self._held.parts()), self._keep)
            else:
                self._append()
        except OSError as error:
            self.error = f"{self.path}: {error.strerror}; the end of the output is not in it"
            return
        self._held.clear()
        self.error = None

    def tail(self) -> bytes:
        return self._tail.content()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.flush()
        os.close(self._descriptor)

    def _append(self) -> None:
        try:
            for part in self._held.parts():
                _write_all(self._descriptor, part)
        except OSError:
            # All of it stays held, so none of it may be in the file twice.
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
            raise
        self._size += self._held.bytes

    def _newest_of_file(self, length: int) -> Iterator[bytes]:
        offset = self._size - length
        while offset < self._size and (
            part := os.pread(self._descriptor, min(_COPY, self._size - offset), offset)
        ):
            yield part
            offset += len(part)

    def _replace(self, parts: Iterable[bytes | memoryview], length: int) -> None:
        """Make a file of these newest bytes the log."""
        fresh_path = self.path.with_name(self.path.name + ".new")
        fresh = os.open(
            fresh_path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
        try:
            if length < self.total:
                dropped = self.total - length
                _write_all(fresh, f"[the first {dropped} bytes were dropped]\n".encode())
            for part in parts:
                _write_all(fresh, part)
            os.replace(fresh_path, self.path)
        except OSError:
            os.close(fresh)
            fresh_path.unlink(missing_ok=True)
            raise
        os.close(self._descriptor)
        self._descriptor = fresh
        self._size = os.fstat(fresh).st_size


class _Newest:
    """The newest ``most`` bytes of a stream, in a ring."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.bytes = 0
        self.dropped = False
        self._next = 0
        self._ring = mmap.mmap(-1, most)

    def add(self, data: bytes) -> None:
        # Copied straight into the ring: a slice of bytes would be another copy.
        view = memoryview(data)
        if len(data) >= self.most:
            self.dropped = self.dropped or self.bytes > 0 or len(data) > self.most
            self._ring[:] = view[len(data) - self.most :]
            self._next, self.bytes = 0, self.most
            return
        first = min(len(data), self.most - self._next)
        self._ring[self._next : self._next + first] = view[:first]
        self._ring[: len(data) - first] = view[first:]
        self._next = (self._next + len(data)) % self.most
        self.dropped = self.dropped or self.bytes + len(data) > self.most
        self.bytes = min(self.most, self.bytes + len(data))

    def parts(self) -> list[memoryview]:
        """The oldest first."""
        ring, begin = memoryview(self._ring), self._next - self.bytes
        if begin >= 0:
            return [ring[begin : self._next]]
        return [ring[begin:], ring[: self._next]]

    def content(self) -> bytes:
        return b"".join(self.parts())

    def clear(self) -> None:
        if self.bytes > _COPY:
            # What a burst of output has touched is given back.
            self._ring.madvise(mmap.MADV_DONTNEED)
        self._next = self.bytes = 0
        self.dropped = False


def _write_all(descriptor: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
