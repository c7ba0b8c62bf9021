"""The supervisor as its users start it: a process of its own, around a real program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from probes import procfs

ROOT = Path(__file__).resolve().parents[2]
FAULTS = ROOT / "tests" / "faults"


@dataclass(frozen=True)
class Supervised:
    """A finished run."""

    result: dict[str, Any]
    status: int
    stdout: str
    stderr: str
    folder: Path

    @property
    def outcome(self) -> str:
        return str(self.result["outcome"])


def environment(runs: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("FWI_RUN", "FWI_PULSE")}
    return kept | {"FWI_RUNS_DIR": str(runs), "PYTHONPATH": str(ROOT)}


def fault(name: str, *arguments: object) -> list[str]:
    return [sys.executable, str(FAULTS / f"{name}.py"), *map(str, arguments)]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def supervise(runs: Path) -> Callable[..., Supervised]:
    """Run a command under ``python -m runner exec --json`` and wait for its end."""

    def run(command: list[str], *options: str) -> Supervised:
        done = subprocess.run(
            [sys.executable, "-m", "runner", "exec", "--json", *options, "--", *command],
            capture_output=True,
            text=True,
            errors="replace",
            env=environment(runs),
            stdin=subprocess.DEVNULL,
            timeout=240,
        )
        lines = done.stdout.splitlines()
        assert lines, done.stderr
        result = json.loads(lines[-1])
        return Supervised(
            result=result,
            status=done.returncode,
            stdout="".join(f"{line}\n" for line in lines[:-1]),
            stderr=done.stderr,
            folder=runs / result["run"],
        )

    return run


@pytest.fixture
def start(runs: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command under the supervisor and leave it running; it is ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def run(command: list[str], *options: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-m", "runner", "exec", "--json", *options, "--", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(runs),
            stdin=subprocess.DEVNULL,
        )
        started.append(child)
        return child

    yield run
    for child in started:
        if child.poll() is None:
            child.kill()
        child.communicate()


def is_gone(pid: int) -> bool:
    found = procfs.stat(pid)
    return found is None or found.is_dead


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Whether the condition came true; the bound only ends a test that has failed."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return condition()
