"""``doctor``: what would make the next run fail or hang, in a second and without torch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from runner.doctor import (
    device,
    file_locks,
    leftovers,
    limits,
    memory,
    open_files,
    packages,
    shm,
    storage,
    watchers,
)
from runner.doctor.finding import Finding, Level, unchecked
from runner.doctor.open_files import OpenFiles

_NVML_S = 3.0
_BOUND_S = 5.0
_BRIEF_LINES = 3
_BRIEF_WARNINGS = ("memory.available", "memory.pressure", "disk.runs")

Step = Callable[[], list[Finding]]


@dataclass(frozen=True)
class Checkup:
    """What was found, and what ``--fix`` did before."""

    findings: tuple[Finding, ...]
    done: tuple[str, ...] = ()

    @property
    def is_well(self) -> bool:
        """Whether nothing stands that makes the next run fail."""
        return all(finding.level is not Level.PROBLEM for finding in self.findings)


def examine(runs: Path, *, fix: bool = False) -> Checkup:
    """Look at everything; with ``fix``, mend what is safe to mend and look again.

    A check that fails or does not answer becomes a line that says so.
    """
    done = _mend(runs) if fix else []
    opened = open_files.scan()
    return Checkup(tuple(_all(_steps(runs, opened))), tuple(done))


def _steps(runs: Path, opened: OpenFiles) -> list[tuple[str, Step]]:
    return [
        ("runs", lambda: leftovers.judge(leftovers.gather(runs), runs)),
        ("shm.stale", lambda: shm.judge(shm.gather(opened))),
        ("locks", lambda: file_locks.judge(_locks(opened))),
        ("memory", lambda: memory.judge(memory.gather())),
        *((f"disk.{use}", partial(_storage, use, path)) for use, path in storage.places(runs)),
        ("limits", lambda: limits.judge(limits.gather())),
        ("packages", lambda: packages.judge(packages.gather())),
        ("device", lambda: _device(opened)),
        ("watchers", lambda: watchers.judge(watchers.gather(opened, (runs, Path.cwd())))),
    ]


def _storage(use: str, path: Path) -> list[Finding]:
    return storage.judge(storage.gather([(use, path)]))


def _locks(opened: OpenFiles) -> file_locks.Facts:
    return file_locks.gather(opened, file_locks.extensions_folder())


def _device(opened: OpenFiles) -> list[Finding]:
    installed = packages.gather()
    facts = device.gather(
        opened,
        torch=installed.torch is not None,
        torch_cuda=installed.torch_cuda,
        seconds=_NVML_S,
    )
    return device.judge(facts)


def _all(steps: Sequence[tuple[str, Step]]) -> list[Finding]:
    """Every step's findings in order, each step in a thread of its own: a dead mount or a locked
    ledger costs its own line, not the whole answer. The threads do not keep the process alive."""
    answers: dict[str, list[Finding]] = {}
    threads = []
    for name, step in steps:
        thread = threading.Thread(target=_take, args=(name, step, answers), daemon=True)
        thread.start()
        threads.append(thread)
    remaining = _BOUND_S
    for thread in threads:
        thread.join(remaining if thread.is_alive() else 0)
        if thread.is_alive():
            remaining = 0.0
    late = f"no answer within {_BOUND_S:g} s"
    return [finding for name, _ in steps for finding in answers.get(name, [unchecked(name, late)])]


def _take(name: str, step: Step, answers: dict[str, list[Finding]]) -> None:
    try:
        answers[name] = step()
    except Exception as error:
        answers[name] = [unchecked(name, f"{type(error).__name__}: {error}")]


def _mend(runs: Path) -> list[str]:
    """Only what is provably of a run of this ledger or of nobody; never what is in use."""
    opened = open_files.scan()
    done = list(leftovers.fix(leftovers.gather(runs), runs))
    try:
        done += shm.fix(shm.gather(opened))
        done += file_locks.fix(_locks(opened))
    except OSError as error:
        done.append(f"not everything was mended: {error}")
    return done


def brief(runs: Path, say: Callable[[str], None]) -> None:
    """The short form before a job: a few lines on what is likely to hurt it, or none.

    It starts nothing, asks no driver, and never keeps the job from starting.
    """
    found: list[Finding] = []
    for name, step in (
        ("disk.runs", lambda: _storage("runs", runs)),
        ("memory", lambda: memory.judge(memory.gather())),
        ("limits", lambda: limits.judge(limits.gather())),
    ):
        answers: dict[str, list[Finding]] = {}
        _take(name, step, answers)
        found += answers[name]
    hurting = [
        finding
        for finding in found
        if finding.level is Level.PROBLEM
        or (finding.level is Level.WARNING and finding.check in _BRIEF_WARNINGS)
    ]
    for finding in sorted(hurting, key=lambda one: -one.level.rank)[:_BRIEF_LINES]:
        say(f"{finding.level}: {finding.what}: {finding.why}; {finding.mend}")
