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
import subprocess
import sys
import termios
from collections.abc import Callable
from contextlib import suppress

from runner.bounded_log import BoundedLog

CHUNK = 1 << 18
PATIENCE = 30.0
PIPE_SIZE = 1 << 20
_ROUND = PIPE_SIZE // CHUNK
_PAUSE = 0.005
"""Seconds for which a job that prints without a pause, but not much, is left to print: each time
that it would wake us up costs it, and us, more than what it prints."""


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

    def write(self, data: bytes | memoryview) -> int:
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

    def _write_shyly(self, data: bytes | memoryview) -> int:
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
        patience: float = PATIENCE,
    ) -> None:
        os.set_blocking(pipe, False)
        # Refused to a user who has many pipes; the usual 64 KiB serve too.
        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
        self.ended = False
        self.bytes = 0
        self.is_mid_line = False
        """Whether what was passed on last did not end a line."""
        self._pipe = pipe
        self._capacity = fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)
        self._log = log
        self._sink = sink
        self._before_echo = before_echo
        self._say = say
        self._patience = patience
        self._pending = memoryview(b"")
        self._stuck_since: float | None = None
        self._loop = asyncio.get_running_loop()
        self._read_at = self._loop.time()
        self._pause: asyncio.TimerHandle | None = None
        self._loop.add_reader(pipe, self._readable)

    def _readable(self) -> None:
        """Take what is there, at most what the pipe holds: others have their turn in between."""
        taken = 0
        for _ in range(_ROUND):
            got = self._take()
            taken += got
            if got < CHUNK or self._pending or self.ended:
                break
        now = self._loop.time()
        since, self._read_at = now - self._read_at, now
        if self._pending or self.ended:
            return
        if taken and may_pause(taken, since, self._capacity):
            if self._pause is None:
                self._loop.remove_reader(self._pipe)
            self._pause = self._loop.call_later(_PAUSE, self._readable)
        elif self._pause is not None:
            self._pause = None
            self._loop.add_reader(self._pipe, self._readable)

    def _take(self) -> int:
        """Read one chunk; how many bytes there were."""
        try:
            data = os.read(self._pipe, CHUNK)
        except BlockingIOError:
            return 0
        except OSError:
            data = b""
        if not data:
            self._end()
            return 0
        self.bytes += len(data)
        self._log.write(data)
        if self._sink is not None:
            self._before_echo()
            self._pending = memoryview(data)
            self._pass_on()
        return len(data)

    def _pass_on(self) -> None:
        assert self._sink is not None
        while self._pending:
            taken = self._sink.write(self._pending)
            if taken:
                self.is_mid_line = self._pending[taken - 1] != 0x0A
            if not taken:
                self._hold_up()
                return
            self._pending = self._pending[taken:]
        if self._stuck_since is not None:
            self._go_on()

    def _hold_up(self) -> None:
        """Leave the job's pipe unread until our own reader takes something."""
        assert self._sink is not None
        if self._stuck_since is not None:
            return
        self._stuck_since = self._loop.time()
        self._stop_reading()
        # What epoll does not take is tried again at every look.
        with suppress(PermissionError):
            self._loop.add_writer(self._sink.descriptor, self._some_room)

    def _some_room(self) -> None:
        before = len(self._pending)
        self._pass_on()
        if self._stuck_since is not None and len(self._pending) < before:
            self._stuck_since = self._loop.time()

    def _go_on(self) -> None:
        assert self._sink is not None
        self._loop.remove_writer(self._sink.descriptor)
        self._stuck_since = None
        if not self.ended:
            self._loop.add_reader(self._pipe, self._readable)

    def _stop_reading(self) -> None:
        self._loop.remove_reader(self._pipe)
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    @property
    def is_held_up(self) -> bool:
        """Whether the job's output waits for whoever reads ours."""
        return bool(self._pending)

    def look(self) -> None:
        """Try again to pass on; give up on a reader that has not read for too long."""
        if not self._pending or self._stuck_since is None:
            return
        if self._loop.time() - self._stuck_since > self._patience:
            self._go_on()
            self._close_sink()
            self._pending = memoryview(b"")
            self._say(
                f"nobody has read our output for {self._patience:.0f} s; "
                f"it is passed on no more, only kept in {self._log.path}"
            )
        else:
            self._some_room()

    async def finish(self) -> None:
        """After the job has ended: take what the pipe holds now and pass it on. What others, who
        hold its other end, write from now on is not the job's, and may have no end."""
        left = 0 if self.ended else _held(self._pipe)
        while self._pending or (left > 0 and not self.ended):
            if self._pending:
                self.look()
                await asyncio.sleep(0.01)
            elif taken := self._take():
                left -= taken
                await asyncio.sleep(0)
            else:
                break
        self._log.flush()

    def close(self) -> None:
        if not self.ended:
            self._end()
        self._close_sink()

    def _close_sink(self) -> None:
        if self._sink is not None:
            # A descriptor that is closed while it is waited for is never taken off the list.
            self._loop.remove_writer(self._sink.descriptor)
            self._sink.close()
            self._sink = None

    def _end(self) -> None:
        self.ended = True
        self._stop_reading()
        os.close(self._pipe)


def _held(pipe: int) -> int:
    """Bytes that wait in a pipe."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def streams(
    child: subprocess.Popen[bytes],
    log: BoundedLog,
    *,
    before_echo: Callable[[], None],
    say: Callable[[str], None],
) -> list[Stream]:
    """The streams of a child's standard output and error, whose pipes they take over."""
    found = []
    for pipe, descriptor in ((child.stdout, 1), (child.stderr, 2)):
        assert pipe is not None
        own = os.dup(pipe.fileno())
        found.append(Stream(own, log, Sink(descriptor), before_echo=before_echo, say=say))
        pipe.close()
    return found


def may_pause(taken: int, since_s: float, capacity: int) -> bool:
    """Whether a job that printed ``taken`` bytes in ``since_s`` seconds goes on printing while its
    pipe of ``capacity`` bytes is left alone for a moment (pure).

    It must print often, or its next words would come late for nothing; and so little that the pipe
    is not half full by then.
    """
    return since_s < 2 * _PAUSE and taken / max(since_s, 1e-6) * 2 * _PAUSE < capacity
