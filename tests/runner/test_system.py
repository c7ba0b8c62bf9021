"""What the machine went through: which of it speaks for an outcome, and that it is really seen."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from probes import procfs
from probes.device import DeviceMemory
from probes.disks import Disk
from probes.pressure import Pressure
from runner.diagnosis import diagnose
from runner.evidence import Evidence
from runner.outcomes import Outcome
from runner.system_facts import facts_for
from runner.system_watch import (
    Foreigner,
    GroupMemory,
    OpenFiles,
    System,
    SystemWatch,
    foreigners,
)
from tests.runner.conftest import Supervised, fault

Supervise = Callable[..., Supervised]
MIB, GIB = 1 << 20, 1 << 30
FULL = Disk("/scratch", "xfs", "8:1", GIB, 0)
FULL_SHM = Disk("/dev/shm", "tmpfs", "0:9", 4 * MIB, 0)
ROOM = Disk("/", "ext4", "8:2", GIB, GIB // 2)
SYSTEM = System(
    least_available=200 * MIB,
    counters={"pswpout": 12},
    pressure={"io": Pressure(9.0, 8.0, 70.0), "memory": Pressure(0.2, 0.1, 0.0)},
    group=GroupMemory("/sys/fs/cgroup/x", 2, GIB, GIB - 4096, {"max": 31, "oom_kill": 1}),
    disks=(FULL, FULL_SHM, ROOM),
    filled=("/scratch", "/dev/shm"),
    open_files=OpenFiles(12, "python", 1024, 1024),
    foreigners=(Foreigner(0, 77, "jupyter", 3 * GIB), Foreigner(0, 78, None, None)),
)


@pytest.mark.parametrize(
    ("outcome", "told", "not_told"),
    [
        (
            Outcome.OOM_HOST_KILLED,
            ["limit of 1.0 GiB; it was hit 31 time(s)", "200.0 MiB of the machine", "12 pages"],
            ["/scratch", "python", "jupyter"],
        ),
        (Outcome.HANG_IO, ["stood still for io for 8.0 s"], ["for memory for", "limit of"]),
        (Outcome.ERROR_DISK, ["/scratch was full: 0 B of 1.0 GiB free"], ["/dev/shm", "limit"]),
        (Outcome.OOM_SHM, ["/dev/shm was full: 0 B of 4.0 MiB free"], ["/scratch"]),
        (Outcome.ERROR_FD, ["python (pid 12) had 1024 of 1024 files open"], ["/scratch"]),
        (
            Outcome.OOM_DEVICE_FOREIGN,
            ["jupyter (pid 77) holds 3.0 GiB", "cannot be seen from here (pid 78) holds memory"],
            ["/scratch"],
        ),
        (Outcome.ERROR_PYTHON, [], ["a"]),
        (Outcome.OK, [], ["a"]),
    ],
)
def test_only_what_speaks_for_the_outcome_is_told(
    outcome: Outcome, told: list[str], not_told: list[str]
) -> None:
    said = "\n".join(fact.text for fact in facts_for(outcome, SYSTEM))
    assert all(text in said for text in told), said
    assert not any(text in said for text in not_told), said


def test_machine_that_tells_nothing_adds_nothing() -> None:
    assert all(facts_for(outcome, System()) == [] for outcome in Outcome)


@pytest.mark.parametrize(
    ("system", "outcome"),
    [
        (System(disks=(FULL,), filled=("/scratch",)), "error.disk"),
        # It was full before the job began: it need not be the job's.
        (System(disks=(FULL,)), "crash.signal"),
        (System(disks=(ROOM,)), "crash.signal"),
        (None, "crash.signal"),
    ],
)
def test_bus_error_with_a_disk_that_filled_is_a_full_disk(
    system: System | None, outcome: str
) -> None:
    assert diagnose(Evidence(None, 7, system=system)).outcome == outcome


def test_foreigners_are_named_where_they_can_be_seen() -> None:
    me, unseen = os.getpid(), 1 << 30
    reading = DeviceMemory(1, "T4", GIB, GIB, 0, {me: 5, unseen: None, 42: 9})
    found = foreigners([reading], {42})
    stat = procfs.stat(me)
    assert stat is not None
    assert [(one.pid, one.name, one.held) for one in found] == [
        (me, stat.name, 5),
        (unseen, None, None),
    ]


def test_descriptors_near_their_limit_are_seen() -> None:
    watch = SystemWatch()
    me = procfs.stat(os.getpid())
    assert me is not None
    watch.look([me])
    seen = watch.picture([], set()).open_files
    assert seen is not None
    assert 3 <= seen.open <= seen.limit


def test_result_holds_what_the_machine_went_through(supervise: Supervise) -> None:
    system = supervise(fault("sleeps_forever"), "--deadline", "1").result["system"]
    assert system["least_available"] > 0
    assert system["disks"]
    assert all(disk["free"] <= disk["total"] for disk in system["disks"])
    assert system["counters"]["oom_kill"] >= 0


@pytest.mark.parametrize(
    ("free", "filled", "at_a_look", "full"),
    [
        (23 << 30, (), False, False),
        (23 << 30, (), True, True),
        (0, ("/dev/shm",), False, True),
        # Half full, and so small that a few batches fill it between two looks.
        (9 << 30, (), False, None),
        (60 << 20, (), False, None),
    ],
)
def test_shared_memory_had_room_only_where_no_burst_fills_it(
    free: int, filled: tuple[str, ...], at_a_look: bool, full: bool | None
) -> None:
    total = 64 << 20 if free < 1 << 30 else 24 << 30
    disk = Disk("/dev/shm", "tmpfs", "0:26", total, free)
    assert System(disks=(disk,), filled=filled).shm_full(at_a_look) is full
    assert System().shm_full(False) is None
