"""Which counters of kills for memory are believed, and when their silence is."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes import cgroup
from probes.cgroup import MemoryGroup
from runner.oom_watch import OomWatch

OWN, JOB = 1, 7


class Machine:
    """Groups as folders; which process is in which is told by ``place``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.groups: dict[int, MemoryGroup] = {}

    def place(self, pid: int, name: str, kills: int = 0, *, is_exact: bool = True) -> None:
        folder = self.root / name
        folder.mkdir(exist_ok=True)
        self.groups[pid] = MemoryGroup(2, folder, self.root, is_exact)
        self.count(name, kills)

    def count(self, name: str, kills: int) -> None:
        (self.root / name / "memory.events").write_text(f"oom 0\noom_kill {kills}\n")

    def membership(self, pid: int) -> bytes | None:
        return str(self.groups[pid].folder).encode() if pid in self.groups else None

    def group(self, pid: int | None = None) -> MemoryGroup | None:
        return self.groups.get(OWN if pid is None else pid)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    made.place(OWN, "own", kills=3)
    monkeypatch.setattr(cgroup, "memory_group", made.group)
    monkeypatch.setattr(cgroup, "membership", made.membership)
    return made


def test_silence_of_the_jobs_own_group_says_that_there_was_no_kill(machine: Machine) -> None:
    watch = OomWatch()
    assert watch.kills_in_groups() == 0
    machine.place(JOB, "job")
    watch.follow(JOB)
    assert watch.kills_in_groups() == 0
    machine.count("job", 1)
    assert watch.kills_in_groups() == 1


def test_kill_is_found_in_a_group_that_a_job_moved_to_and_was_seen_in(machine: Machine) -> None:
    watch = OomWatch()
    machine.place(JOB, "scope")
    watch.follow(JOB)
    machine.count("scope", 2)
    assert watch.kills_in_groups() == 2


def test_group_that_had_counted_before_it_was_seen_decides_nothing(machine: Machine) -> None:
    watch = OomWatch()
    machine.place(JOB, "late", kills=1)
    watch.follow(JOB)
    assert watch.kills_in_groups() is None
    machine.count("late", 2)
    assert watch.kills_in_groups() == 1


def test_group_that_is_gone_took_its_count_along(machine: Machine) -> None:
    watch = OomWatch()
    machine.place(JOB, "scope")
    watch.follow(JOB)
    (machine.root / "scope" / "memory.events").unlink()
    assert watch.kills_in_groups() is None
    machine.count("own", 4)
    assert watch.kills_in_groups() == 1


def test_folder_that_may_not_be_the_jobs_own_decides_nothing(machine: Machine) -> None:
    watch = OomWatch()
    machine.place(JOB, "top", is_exact=False)
    watch.follow(JOB)
    assert watch.kills_in_groups() is None
