"""``python -m tests.faults.warden``: one trial in a room of its own, from making it to sweeping it.

Whoever starts the warden writes one line of JSON to its standard input and keeps that open; when it
closes, because the test was killed half-way, the warden ends everything and goes. It is the
subreaper of all that it starts, so that it sees every process that is left behind, whatever became
of the one that started it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from probes import procfs
from probes.cgroup_control import Group
from runner import attempt_group, process_tree
from tests.faults.room import Refused, furnished, subgroups

ROOT = Path(__file__).resolve().parents[2]

_SETTLE_S = 0.5
"""For helpers that end by themselves when they notice that their parent is gone."""
_TAIL = 20_000


class Abandoned(Exception):
    """Whoever asked for the trial is gone."""


@dataclasses.dataclass(frozen=True)
class Asked:
    """One trial. ``{scratch}``, ``{disk}`` and ``{cgroup}`` in the commands are filled in."""

    command: Sequence[str]
    bound_s: float
    environment: Mapping[str, str]
    room: Mapping[str, Any]
    meanwhile: str = ""
    afterwards: Sequence[Sequence[str]] = ()
    """Commands to run one after another when the first has ended."""


def main() -> int:
    asked = Asked(**json.loads(_first_line()))
    scratch = Path(tempfile.mkdtemp(prefix="fault-"))
    process_tree.become_subreaper()
    try:
        print(json.dumps(_trial(asked, scratch)), flush=True)
        return 0
    except Refused as reason:
        print(json.dumps({"refused": str(reason)}), flush=True)
        return 0
    except Abandoned:
        return 1
    finally:
        _end_all()
        for group in _groups(scratch):
            group.remove()
        shutil.rmtree(scratch, ignore_errors=True)


def _first_line() -> bytes:
    """Byte by byte: nothing of what comes later may be taken from the pipe."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            raise SystemExit("no trial was asked for")
        line += byte
    return line


def _trial(asked: Asked, scratch: Path) -> dict[str, Any]:
    (scratch / "tmp").mkdir()
    with furnished(asked.room, scratch) as places, _swept():
        before = _shm()

        def filled(command: Sequence[str]) -> list[str]:
            for name, place in places.items():
                command = [word.replace("{" + name + "}", place) for word in command]
            return list(command)

        environment = {
            name: filled([text])[0]
            for name, text in (dict(asked.environment) | {"TMPDIR": str(scratch / "tmp")}).items()
        }
        ran = _Ran(filled(asked.command), environment, scratch, bool(asked.room.get("terminal")))
        bounded = not ran.wait(asked.bound_s, asked.meanwhile)
        seconds = time.monotonic() - ran.began
        later = [
            subprocess.run(
                filled(command), env=environment, cwd=scratch, capture_output=True, text=True,
                stdin=subprocess.DEVNULL, timeout=asked.bound_s,
            )
            for command in asked.afterwards
        ]  # fmt: skip
        left = _left_behind()
        answer = {
            "status": None if bounded else ran.child.returncode,
            "seconds": seconds,
            "stdout": ran.text("out"),
            "stderr": ran.text("err"),
            "afterwards": [{"out": done.stdout, "err": done.stderr} for done in later],
            "result": _newest_result(Path(environment.get("FWI_RUNS_DIR", "/nonexistent"))),
            "left": {
                "processes": left,
                "shm": sorted(_shm() - before) if places.get("shm") else [],
                "files": sorted(os.listdir(scratch / "tmp")),
                "groups": [str(group.folder) for group in _groups(scratch)],
            },
        }
        _end_all()
        groups = places.get("cgroup")
        if groups:
            answer["left"]["cgroups"] = subgroups(Path(groups))
        ran.close()
        return answer


class _Ran:
    """The command under trial, its output in files, so that nobody has to read it meanwhile."""

    def __init__(
        self, command: list[str], environment: Mapping[str, str], scratch: Path, terminal: bool
    ) -> None:
        self._scratch = scratch
        self._master: int | None = None
        parent = os.getpid()
        out: int
        if terminal:
            self._master, out = os.openpty()
            os.set_blocking(self._master, False)
            error = out
        else:
            out = os.open(scratch / "out", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            error = os.open(scratch / "err", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        def prepare() -> None:
            process_tree.die_with_parent(parent)
            # As a shell starts a command in the foreground: nohup and & leave them ignored.
            for number in (signal.SIGHUP, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            if terminal:
                fcntl.ioctl(1, termios.TIOCSCTTY, 0)

        self.began = time.monotonic()
        self.child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=error,
            env=environment,
            cwd=scratch,
            start_new_session=True,
            preexec_fn=prepare,  # noqa: PLW1509 - one thread
        )
        for descriptor in {out, error}:
            os.close(descriptor)

    def wait(self, bound_s: float, meanwhile: str) -> bool:
        """Whether it ended in its time; the action is taken once it has said ``ready``."""
        until = time.monotonic() + bound_s
        while self.child.poll() is None:
            if time.monotonic() >= until:
                return False
            _watch_asker(0.02)
            self._drain()
            if meanwhile and "ready\n" in self.text("out"):
                self._act(meanwhile)
                meanwhile = ""
        self._drain()
        return True

    def _act(self, what: str) -> None:
        if what == "hang up":
            self.close()
        elif what.startswith("stop "):
            self.child.send_signal(signal.SIGSTOP)
            until = time.monotonic() + float(what.removeprefix("stop "))
            while time.monotonic() < until:
                _watch_asker(0.05)
            self.child.send_signal(signal.SIGCONT)
        elif what == "interrupt twice":
            self.child.send_signal(signal.SIGINT)
            until = time.monotonic() + 10
            while "asking the job to stop" not in self.text("err") and time.monotonic() < until:
                _watch_asker(0.05)
            self.child.send_signal(signal.SIGINT)
        else:
            self.child.send_signal(signal.Signals[what])

    def _drain(self) -> None:
        if self._master is None:
            return
        with contextlib.suppress(OSError), (self._scratch / "out").open("ab") as out:
            while data := os.read(self._master, 1 << 16):
                out.write(data.replace(b"\r\n", b"\n"))

    def text(self, name: str) -> str:
        try:
            with (self._scratch / name).open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
                return file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def close(self) -> None:
        if self._master is not None:
            os.close(self._master)
            self._master = None


def _watch_asker(seconds: float) -> None:
    ready, _, _ = select.select([0], [], [], seconds)
    if ready and not os.read(0, 1):
        raise Abandoned


def _shm() -> set[str]:
    try:
        return set(os.listdir("/dev/shm"))
    except FileNotFoundError:
        return set()


def _descendants() -> list[procfs.Stat]:
    table = procfs.processes()
    found, waiting = [], [os.getpid()]
    while waiting:
        parent = waiting.pop()
        children = [stat for stat in table.values() if stat.ppid == parent]
        found += [stat for stat in children if not stat.is_dead]
        waiting += [stat.pid for stat in children]
    return found


def _left_behind() -> list[dict[str, Any]]:
    until = time.monotonic() + _SETTLE_S
    while (left := _descendants()) and time.monotonic() < until:
        time.sleep(0.02)
    return [
        {"pid": stat.pid, "name": stat.name, "command": procfs.command_line(stat.pid) or stat.name}
        for stat in left
    ]


@contextlib.contextmanager
def _swept() -> Iterator[None]:
    """Whatever happens, no process is left inside."""
    try:
        yield
    finally:
        _end_all()


def _end_all() -> None:
    until = time.monotonic() + 10
    while (left := _descendants()) and time.monotonic() < until:
        for stat in left:
            process_tree.send(stat.identity, signal.SIGKILL)
        time.sleep(0.01)
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _groups(scratch: Path) -> list[Group]:
    """Cgroups of attempts that still exist."""
    runs = {note.parents[1] for note in scratch.glob("**/attempt-*/cgroup")}
    return [group for folder in runs for group in attempt_group.left_by(folder.name, folder)]


def _newest_result(runs: Path) -> dict[str, Any] | None:
    """Of the newest run that has one, its last attempt's."""
    found = sorted(runs.glob("*/attempt-*/result.json"))
    return dict(json.loads(found[-1].read_text())) if found else None


if __name__ == "__main__":
    sys.exit(main())
