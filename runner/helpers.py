"""Disposable children for what may hang: a driver, a debugger, a dead mount. Each has a time limit
and dies with the supervisor; none is counted to the job's tree."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from probes import procfs
from probes.procfs import Identity
from runner.process_tree import die_with_parent

_LIMIT = 1 << 20


@dataclass(frozen=True)
class Answer:
    """What a helper said in its time."""

    output: bytes
    code: int | None
    """None where its time was up and it was killed."""


class Helper:
    """A running child whose standard output is read without waiting."""

    def __init__(
        self, command: Sequence[str], on_line: Callable[[bytes], None] | None = None
    ) -> None:
        parent = os.getpid()
        self.output = bytearray()
        self.ended = asyncio.Event()
        self._on_line = on_line
        self._loop = asyncio.get_running_loop()
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509 - one thread
        )
        self.identity: Identity | None = procfs.identity(self._child.pid)
        assert self._child.stdout is not None
        self._pipe = self._child.stdout.fileno()
        os.set_blocking(self._pipe, False)
        self._loop.add_reader(self._pipe, self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self._pipe, 1 << 16)
        except BlockingIOError:
            return
        if not data:
            self._loop.remove_reader(self._pipe)
            self.ended.set()
            return
        self.output += data
        if self._on_line is not None:
            *lines, rest = self.output.split(b"\n")
            self.output = bytearray(rest)
            for line in lines:
                self._on_line(bytes(line))
        del self.output[_LIMIT:]

    def close(self) -> int | None:
        """Kill what still runs and collect it; its exit code, None where it had to be killed."""
        self._loop.remove_reader(self._pipe)
        code = self._child.poll()
        if code is None and self.ended.is_set():
            with suppress(subprocess.TimeoutExpired):
                code = self._child.wait(0.2)
        if code is None:
            with suppress(ProcessLookupError):
                self._child.send_signal(signal.SIGKILL)
            # A child in uninterruptible sleep is not waited for; it dies when the driver lets go.
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(0.2)
        assert self._child.stdout is not None
        self._child.stdout.close()
        return code


async def ask(
    command: Sequence[str], seconds: float, started: Callable[[Identity], None]
) -> Answer:
    """Run a command for at most ``seconds``. Raises OSError where it cannot be started."""
    helper = Helper(command)
    try:
        if helper.identity is not None:
            started(helper.identity)
        with suppress(TimeoutError):
            await asyncio.wait_for(helper.ended.wait(), seconds)
        output = bytes(helper.output)
    finally:
        code = helper.close()
    return Answer(output, code)
