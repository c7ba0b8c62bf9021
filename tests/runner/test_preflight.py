"""What the doctor makes of facts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from probes.device import DeviceMemory
from runner import preflight
from runner.doctor import (
    device,
    file_locks,
    leftovers,
    limits,
    memory,
    packages,
    shm,
    storage,
    watchers,
)
from runner.doctor.finding import Finding, Level

GIB = 1 << 30
MIB = 1 << 20


def levels(found: list[Finding]) -> dict[str, str]:
    return {finding.check: str(finding.level) for finding in found}


def memory_facts(**changed: Any) -> memory.Facts:
    healthy: dict[str, Any] = {
        "available": 16 * GIB,
        "limit": None,
        "used_of_limit": None,
        "swap_total": 0,
        "swap_used": 0,
        "overcommit": 0,
        "stalled_percent": 0.0,
        "shm_total": 8 * GIB,
        "shm_free": 8 * GIB,
    }
    return memory.Facts(**{**healthy, **changed})


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, {"memory.available": "ok", "shm.size": "ok"}),
        ({"available": GIB // 2}, {"memory.available": "problem", "shm.size": "ok"}),
        ({"available": 3 * GIB}, {"memory.available": "warning", "shm.size": "ok"}),
        (
            {"limit": 8 * GIB, "used_of_limit": 8 * GIB - 1},
            {"memory.available": "problem", "shm.size": "ok"},
        ),
        ({"limit": 8 * GIB, "used_of_limit": 0}, {"memory.available": "ok", "shm.size": "ok"}),
        ({"shm_free": 4 * MIB}, {"memory.available": "ok", "shm.size": "problem"}),
        ({"shm_free": 64 * MIB}, {"memory.available": "ok", "shm.size": "warning"}),
        ({"shm_total": None}, {"memory.available": "ok", "shm.size": "note"}),
        (
            {"overcommit": 2, "stalled_percent": 30.0, "swap_total": 10, "swap_used": 9},
            {
                "memory.available": "ok",
                "memory.swap": "note",
                "memory.overcommit": "warning",
                "memory.pressure": "warning",
                "shm.size": "ok",
            },
        ),
    ],
)
def test_memory(changed: dict[str, Any], expected: dict[str, str]) -> None:
    assert levels(memory.judge(memory_facts(**changed))) == expected


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (storage.Place("runs", "/r", 2 * GIB, None, True), Level.OK),
        (storage.Place("runs", "/r", GIB // 2, 10**6, True), Level.WARNING),
        (storage.Place("runs", "/r", MIB, 10**6, True), Level.PROBLEM),
        (storage.Place("runs", "/r", 2 * GIB, 100, True), Level.PROBLEM),
        (storage.Place("runs", "/r", MIB, 5000, True), Level.PROBLEM),
        (storage.Place("tmp", "/t", 2 * GIB, 10**6, False), Level.PROBLEM),
        (storage.Place("cache", "/c", MIB, 10**6, True), Level.WARNING),
        (storage.Place("runs", "/r", None, None, False), Level.NOTE),
    ],
)
def test_storage(place: storage.Place, expected: Level) -> None:
    (found,) = storage.judge([place])
    assert found.level is expected
    assert found.check == f"disk.{place.use}"


def limit_facts(**changed: Any) -> limits.Facts:
    healthy: dict[str, Any] = {
        "files": 4096,
        "files_hard": None,
        "tasks_left": None,
        "address_space": None,
        "core": 0,
        "core_pattern": "core",
        "ptrace_scope": 0,
        "root": False,
        "py_spy": True,
        "kernel_log": True,
    }
    return limits.Facts(**{**healthy, **changed})


@pytest.mark.parametrize(
    ("changed", "check", "expected"),
    [
        ({"files": 64}, "limits.files", "problem"),
        ({"files": 256, "files_hard": 256}, "limits.files", "warning"),
        ({"files": None}, "limits.files", "ok"),
        ({"tasks_left": 10}, "limits.processes", "problem"),
        ({"tasks_left": 100}, "limits.processes", "warning"),
        ({"tasks_left": 1000}, "limits.processes", "ok"),
        ({"address_space": 8 * GIB}, "limits.address_space", "warning"),
        ({"core": None}, "limits.core", "note"),
        ({"core": 0}, "limits.core", None),
        ({"ptrace_scope": 2}, "evidence.ptrace", "note"),
        ({"ptrace_scope": 2, "root": True}, "evidence.ptrace", None),
        ({"ptrace_scope": 1}, "evidence.ptrace", None),
        ({"py_spy": False}, "evidence.py_spy", "warning"),
        ({"kernel_log": False}, "evidence.kernel_log", "note"),
    ],
)
def test_limits(changed: dict[str, Any], check: str, expected: str | None) -> None:
    assert levels(limits.judge(limit_facts(**changed))).get(check) == expected


def test_too_few_descriptors_name_the_command_that_can_work() -> None:
    raisable = limits.judge(limit_facts(files=256, files_hard=2048))[0]
    assert raisable.mend == "ulimit -n 2048"
    assert "ulimit -n" not in limits.judge(limit_facts(files=256, files_hard=256))[0].mend


@pytest.mark.parametrize(
    ("torch", "vision", "fits"),
    [
        *((f"2.{minor}.0", f"0.{minor + 15}.0", True) for minor in range(6, 14)),
        ("2.6.0", "0.20.1", False),
        ("2.13.0", "0.2.8", False),
        ("2.6.0+cu124", "0.21.0+cu124", True),
        ("2.6.0+cu124", "0.21.0+cpu", False),
        ("2.6.0+cu124", "0.21.0", True),
        ("2.7.0a0+git1", "0.22.0a0+git1", True),
        ("3.0.0", "1.0.0", True),
        ("unknown", "0.21.0", True),
    ],
)
def test_torch_and_torchvision(torch: str, vision: str, fits: bool) -> None:
    assert (packages.misfit(torch, vision) is None) is fits


@pytest.mark.parametrize(
    ("source", "cuda"),
    [
        ("cuda: Optional[str] = '12.4'\nhip = None", "12.4"),
        ('cuda = "11.8"', "11.8"),
        ("cuda: Optional[str] = None", None),
        ("__version__ = '2.6.0'", None),
    ],
)
def test_cuda_of_a_build_is_read_from_its_text(source: str, cuda: str | None) -> None:
    assert packages.cuda_of(source) == cuda


def test_packages_that_bring_the_same_module_are_named() -> None:
    found = packages.judge(packages.Facts("2.6.0", None, None, "11.5.0", "12.560"))
    assert levels(found) == {"packages.torch": "ok", "packages.pynvml": "warning"}
    assert levels(packages.judge(packages.Facts(None, None, None, None, None))) == {
        "packages.torch": "note"
    }


def card(used: int, processes: dict[int, int | None]) -> DeviceMemory:
    return DeviceMemory(0, "T4", 16 * GIB, used, 16 * GIB - used, processes)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (device.Facts(None, True, None, False), {"device.driver": "ok"}),
        (device.Facts(None, True, "12.4", False), {"device.driver": "warning"}),
        (device.Facts("550.1", True, None, False), {"device.build": "warning"}),
        (device.Facts("550.1", True, "12.4", False), {"device.driver": "ok"}),
        (device.Facts("550.1", True, "13.0", False), {"device.driver": "problem"}),
        (device.Facts("550.1", True, "12.4", True), {"device.hidden": "warning"}),
        (
            device.Facts("550.1", True, "12.4", False, error="Driver/library version mismatch"),
            {"device.nvml": "problem"},
        ),
        (
            device.Facts("550.1", True, "12.4", False, (card(9 * GIB, {7: None}),)),
            {"device.driver": "ok", "device.memory": "warning"},
        ),
        (
            device.Facts("550.1", True, "12.4", False, (card(MIB, {}),)),
            {"device.driver": "ok", "device.memory": "ok"},
        ),
        (
            device.Facts("550.1", True, "12.4", False, error="no answer", holders=((7, "x"),)),
            {"device.nvml": "problem", "device.holders": "note"},
        ),
    ],
)
def test_device(facts: device.Facts, expected: dict[str, str]) -> None:
    assert levels(device.judge(facts)) == expected


def test_who_holds_a_device_is_named() -> None:
    facts = device.Facts(
        "550.1", True, "12.4", False, (card(9 * GIB, {7: None}),), holders=((7, "python train"),)
    )
    assert "7 (python train)" in device.judge(facts)[-1].what


def segment(**changed: Any) -> shm.Segment:
    stale: dict[str, Any] = {
        "name": "torch_7_1_0",
        "size": MIB,
        "age_s": 100.0,
        "owner": 7,
        "owner_lives": False,
        "inode": 1,
    }
    return shm.Segment(**{**stale, **changed})


@pytest.mark.parametrize(
    ("one", "everybody_seen", "expected", "fixable"),
    [
        (segment(), True, "shm.stale", True),
        (segment(), False, "shm.stale.unproven", False),
        (segment(owner=None, owner_lives=None), True, "shm.stale.unproven", False),
        (segment(owner_lives=True), True, "shm.stale", False),
        (segment(age_s=1.0), True, "shm.stale", False),
    ],
)
def test_segments(one: shm.Segment, everybody_seen: bool, expected: str, fixable: bool) -> None:
    (found,) = shm.judge(shm.Facts((one,), everybody_seen))
    assert (found.check, found.fixable) == (expected, fixable)


@pytest.mark.parametrize(
    ("lock", "everybody_seen", "expected"),
    [
        (file_locks.Lock("/x/lock", 100.0, (), 1), True, "problem"),
        (file_locks.Lock("/x/lock", 100.0, (7,), 1), True, "note"),
        (file_locks.Lock("/x/lock", 100.0, (), 1), False, "note"),
        (file_locks.Lock("/x/lock", 1.0, (), 1), True, "ok"),
    ],
)
def test_locks(lock: file_locks.Lock, everybody_seen: bool, expected: str) -> None:
    assert levels(file_locks.judge(file_locks.Facts((lock,), everybody_seen))) == {
        file_locks.CHECK: expected
    }


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (watchers.Facts(0, 100, 0, 10, ()), {"watchers.limit": "ok"}),
        (watchers.Facts(95, 100, 0, 10, ()), {"watchers.limit": "warning"}),
        (watchers.Facts(0, 100, 10, 10, ()), {"watchers.limit": "warning"}),
        (watchers.Facts(1, 100, 1, 10, ((7, "watchmedo"),)), {"watchers.runs": "note"}),
        (watchers.Facts(0, None, 0, None, ()), {"watchers.limit": "note"}),
    ],
)
def test_watchers(facts: watchers.Facts, expected: dict[str, str]) -> None:
    assert levels(watchers.judge(facts)) == expected


def test_leftovers_name_the_folder_to_mend() -> None:
    facts = leftovers.Facts(lost=("20260101-000000-exec-x-0000",))
    (found,) = leftovers.judge(facts, Path("/runs"))
    assert found.fixable
    assert found.mend.endswith("--fix --runs-dir /runs")
    broken = leftovers.judge(leftovers.Facts(ledger_error="no"), Path("/runs"))
    assert levels(broken) == {"ledger": "warning"}


def test_check_that_fails_or_is_late_is_a_line_and_the_others_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import threading

    never = threading.Event()

    def fails() -> list[Finding]:
        raise OSError(5, "Input/output error")

    def hangs() -> list[Finding]:
        never.wait(30)
        return []

    monkeypatch.setattr(preflight, "_BOUND_S", 0.2)
    good = Finding("good", Level.OK, "fine")
    found = preflight._all([("bad", fails), ("late", hangs), ("good", lambda: [good])])
    never.set()
    assert [(one.check, one.level) for one in found] == [
        ("bad", Level.NOTE),
        ("late", Level.NOTE),
        ("good", Level.OK),
    ]
    assert "Input/output error" in found[0].what
    assert "no answer" in found[1].what
