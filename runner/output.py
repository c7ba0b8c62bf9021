"""What the job prints: read, kept in a bounded file with the newest end whole, and passed on.

Nothing here may block the supervisor: the job's pipes are read without waiting, and what is passed
on goes through a descriptor of our own that refuses instead of waiting. While whoever reads our
output is slow, the job's pipe is left unread, as it would be without us; when nobody has read for
``PATIENCE`` seconds the passing on ends, the log goes on, and this is said.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

CHUNK = 1 << 18
TAIL = 1 << 16
PATIENCE = 30.0
_PIPE_SIZE = 1 << 20


class BoundedLog:
    """A file that holds the newest ``limit`` bytes at the most, and the last 64 KiB in memory."""

    def __init__(self, path: Path, limit: int) -> None:
        self.path = path
        self.total = 0
        self.error: str | None = None
        self._limit = limit
        self._size = 0
        self._tail = bytearray()
        self._descriptor = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600
        )

    def write(self, data: bytes) -> None:
        self.total += len(data)
        if len(data) >= TAIL:
            self._tail[:] = data[-TAIL:]
        else:
            del self._tail[: max(0, len(self._tail) + len(data) - TAIL)]
            self._tail += data
        if self.error is not None:
            return
        try:
            _write_all(self._descriptor, data)
            self._size += len(data)
            if self._size > self._limit:
                self._shorten()
        except OSError as error:
            self.error = f"{self.path}: {error.strerror}; the output is not kept from here on"

    def tail(self) -> bytes:
        return bytes(self._tail)

    def close(self) -> None:
        os.close(self._descriptor)

    def _shorten(self) -> None:
        keep = self._limit // 2
        fresh_path = self.path.with_name(self.path.name + ".new")
        fresh = os.open(
            fresh_path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
        try:
            dropped = self.total - keep
            _write_all(fresh, f"[the first {dropped} bytes were dropped]\n".encode())
            offset, end = self._size - keep, self._size
            while offset < end and (
                part := os.pread(self._descriptor, min(CHUNK, end - offset), offset)
            ):
                _write_all(fresh, part)
                offset += len(part)
            os.replace(fresh_path, self.path)
        except OSError:
            os.close(fresh)
            fresh_path.unlink(missing_ok=True)
            raise
        os.close(self._descriptor)
        self._descriptor = fresh
        self._size = os.fstat(fresh).st_size


class Sink:
    """Where output is passed on to: our standard output or error, never waited for."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._own: int | None = None
        self._whole = True
        try:
            mode = os.fstat(descriptor).st_mode
            if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
                # Opened anew, so that "do not wait" holds for us and not for the user's shell,
                # which shares the descriptor that we were given.
                flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
                self._own = os.open(f"/proc/self/fd/{descriptor}", flags)
            self._whole = self._own is not None or stat.S_ISREG(mode)
        except OSError:
            self._whole = False
        self.gone = False
        """The reader went away, or the descriptor never worked."""

    @property
    def descriptor(self) -> int:
        return self._descriptor if self._own is None else self._own

    def write(self, data: bytes) -> int:
        """As much as is taken at once; 0 where it would wait; everything once ``gone``."""
        if self.gone:
            return len(data)
        try:
            if self._whole:
                return os.write(self.descriptor, data)
            return self._write_shyly(data)
        except BlockingIOError:
            return 0
        except OSError:
            self.gone = True
            return len(data)

    def _write_shyly(self, data: bytes) -> int:
        # Neither ours to set nor to open anew (a socket, another user's terminal): a write that
        # follows a poll and fits into the smallest buffer does not wait.
        import select

        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        return os.write(self._descriptor, data[:512]) if poll.poll(0) else 0

    def close(self) -> None:
        if self._own is not None:
            os.close(self._own)
            self._own = None


class Stream:
    """One of the job's two outputs: pipe → log, and → sink."""

    def __init__(
        self,
        pipe: int,
        log: BoundedLog,
        sink: Sink | None,
        *,
        before_echo: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        os.set_blocking(pipe, False)
        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        self.ended = False
        self.bytes = 0
        self._pipe = pipe
        self._log = log
        self._sink = sink
        self._before_echo = before_echo
        self._say = say
        self._pending = memoryview(b"")
        self._stuck_since: float | None = None
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(pipe, self._readable)

    def _readable(self) -> None:
        if not self._pending and not self.ended:
            self._take()

    def _take(self) -> bool:
        """Read one chunk; whether there was one."""
        try:
            data = os.read(self._pipe, CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._end()
            return False
        self.bytes += len(data)
        self._log.write(data)
        if self._sink is not None:
            self._before_echo()
            self._pending = memoryview(data)
            self._pass_on()
        return True

    def _pass_on(self) -> None:
        assert self._sink is not None
        while self._pending:
            taken = self._sink.write(self._pending.tobytes())
            if not taken:
                self._hold_up()
                return
            self._pending = self._pending[taken:]
            self._stuck_since = None
        self._go_on()

    def _hold_up(self) -> None:
        assert self._sink is not None
        if self._stuck_since is None:
            self._stuck_since = self._loop.time()
            self._loop.remove_reader(self._pipe)
            # What epoll does not take is tried again at every look.
            with suppress(PermissionError):
                self._loop.add_writer(self._sink.descriptor, self._pass_on)

    def _go_on(self) -> None:
        if self._sink is not None:
            self._loop.remove_writer(self._sink.descriptor)
        self._stuck_since = None
        if not self.ended:
            self._loop.add_reader(self._pipe, self._readable)

    @property
    def is_held_up(self) -> bool:
        """Whether the job's output waits for whoever reads ours."""
        return bool(self._pending)

    def look(self) -> None:
        """Try again to pass on; give up on a reader that has not read for ``PATIENCE`` seconds."""
        if not self._pending or self._stuck_since is None:
            return
        if self._loop.time() - self._stuck_since > PATIENCE:
            self._go_on()
            self._sink = None
            self._pending = memoryview(b"")
            self._say(
                f"nobody has read our output for {PATIENCE:.0f} s; "
                f"it is passed on no more, only kept in {self._log.path}"
            )
        else:
            self._pass_on()

    async def finish(self) -> None:
        """After the job has ended: take what the pipe still holds and pass it on."""
        while not self.ended or self._pending:
            if self._pending:
                self.look()
                await asyncio.sleep(0.01)
            elif not self._take():
                break
            else:
                await asyncio.sleep(0)

    def close(self) -> None:
        if not self.ended:
            self._end()

    def _end(self) -> None:
        self.ended = True
        self._loop.remove_reader(self._pipe)
        os.close(self._pipe)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
