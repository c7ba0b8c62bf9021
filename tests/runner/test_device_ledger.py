"""From readings to the ledger of a device: tables, and a stream as the NVML child prints it."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from probes import device, procfs
from probes.pulse import Pulse
from runner import device_ledger, ledgers
from runner.device_ledger import Driver, Torch
from runner.host_ledger import HostLedger
from runner.sampling import Job, Sampler

MIB = 1 << 20
TOLD = Torch(tensors=700, requested=740, allocated=760, reserved=1000, inactive=90)
TENSORS = {
    "tensors": 700,
    "library workspaces and tensors not followed": 40,
    "allocator's rounding": 20,
}
KEPT = {"fragments of segments in use": 90, "cached segments": 150}
CONTEXT = {"CUDA context and libraries": 400}


def driver(**more: Any) -> Driver:
    known = {"index": 0, "name": "T4", "total": 16_000, "used": 1500, "reserved": 1000}
    return Driver(**{**known, **more})


@pytest.mark.parametrize(
    ("torch", "held", "levels"),
    [
        (None, None, {}),
        # Everything is told.
        (
            TOLD,
            driver(ours=1400, before=100),
            {
                "torch allocated": TENSORS,
                "torch reserved": TENSORS | KEPT,
                "this process": TENSORS | KEPT | CONTEXT,
                "the device": TENSORS | KEPT | CONTEXT | {"other processes and the driver": 100},
            },
        ),
        # A container: the driver hides whose memory it is.
        (
            TOLD,
            driver(before=300),
            {
                "torch allocated": TENSORS,
                "torch reserved": TENSORS | KEPT,
                "this process": TENSORS | KEPT | {"CUDA context and libraries": 200},
                "the device": TENSORS
                | KEPT
                | {"CUDA context and libraries": 200, "other processes and the driver": 300},
            },
        ),
        # The same, and nobody looked before the job began.
        (
            TOLD,
            driver(),
            {
                "torch allocated": TENSORS,
                "torch reserved": TENSORS | KEPT,
                "the device": TENSORS | KEPT | {"CUDA context, libraries, other processes": 500},
            },
        ),
        # A program that says nothing of torch.
        (
            None,
            driver(ours=1400, reserved=None),
            {
                "this process": {"held by the process, not told by torch": 1400},
                "the device": {
                    "held by the process, not told by torch": 1400,
                    "other processes and the driver": 100,
                },
            },
        ),
        # A torch that does not tell what was asked for; nothing was followed.
        (
            Torch(allocated=760, reserved=1000),
            None,
            {
                "torch allocated": {"tensors": 760},
                "torch reserved": {"tensors": 760, "cached segments": 240},
            },
        ),
    ],
)
def test_levels(
    torch: Torch | None, held: Driver | None, levels: dict[str, dict[str, int]]
) -> None:
    found = device_ledger.of(torch, held)
    assert found.levels == levels
    # Each level is the one before and what lies between.
    expected = {
        "torch allocated": torch.allocated if torch else None,
        "torch reserved": torch.reserved if torch else None,
        "the device": held.used if held else None,
    }
    for level, size in expected.items():
        assert found.size(level) == size


def test_reserved_at_the_drivers_moment_gives_the_context() -> None:
    """torch has since taken 200 more than when the driver was asked."""
    found = device_ledger.of(TOLD, driver(ours=1400, used=1500, reserved=800))
    assert found.levels["this process"]["CUDA context and libraries"] == 600


@pytest.mark.parametrize(
    ("torch", "held", "words"),
    [
        (TOLD, driver(ours=1400), None),
        (
            Torch(tensors=9 * MIB, allocated=4 * MIB, reserved=10 * MIB),
            None,
            "tensors (9.0 MiB) is more than torch allocated (4.0 MiB)",
        ),
        (
            Torch(allocated=4 * MIB, reserved=10 * MIB),
            driver(ours=6 * MIB, used=20 * MIB, reserved=10 * MIB),
            "torch reserved (10.0 MiB) is more than this process (6.0 MiB)",
        ),
        (TOLD, driver(before=3), "does not tell what each process holds"),
        # Less than a MiB is how readings differ.
        (Torch(allocated=1001, reserved=1000), None, None),
    ],
)
def test_readings_that_contradict_each_other_are_said(
    torch: Torch, held: Driver | None, words: str | None
) -> None:
    found = device_ledger.of(torch, held)
    said = " ".join(found.notes)
    assert (words in said) if words else not said
    assert all(part > 0 for level in found.levels.values() for part in level.values())


@pytest.mark.parametrize(
    "stretch",
    [
        {},
        {"torch": []},
        {"torch": {"allocated": "much", "reserved": True, "requested": -1, "inactive": 1e400}},
        {"bytes": [], "torch": {}, "replayed": {"allocated": {}}},
        {"bytes": 5, "torch": {}, "replayed": 7},
    ],
)
def test_file_of_a_job_that_is_not_as_expected_tells_nothing(stretch: dict[str, Any]) -> None:
    found = device_ledger.of(
        device_ledger.torch_of(stretch), None, device_ledger.replayed_of(stretch)
    )
    assert found.levels == {}


def line(used: int, processes: dict[int, int | None]) -> bytes:
    one = {"index": 1, "name": "Tesla T4", "total": 15_360 * MIB, "used": used * MIB}
    held = {pid: n if n is None else n * MIB for pid, n in processes.items()}
    return json.dumps([one | {"free": 15_360 * MIB - used * MIB, "processes": held}]).encode()


def taken(*looks: tuple[int, bytes, int]) -> Sampler:
    """A sampler that has seen these: (step, line of the NVML child, MiB that torch reserved)."""
    sampler = Sampler(1.0, print)
    me = procfs.stat(os.getpid())
    assert me is not None
    for n, (step, said, reserved) in enumerate(looks):
        sampler.device_line(said)
        memory = (reserved * MIB // 2, reserved * MIB) if reserved else None
        pulse = Pulse(n, float(n), "forward", step, 9) if n else Pulse(0, 0.0, "", 0, 0)
        sampler.look_at_devices({me.pid}, pulse, memory)
        sampler.take(float(n), [me], pulse, Job(me.pid, me.pid, {}, memory))
    return sampler


TRACKED = {
    "job": {"model": "specproj", "dtype": "fp16"},
    "first": {
        "bytes": 600 * MIB,
        "replayed": {"allocated": 610 * MIB, "reserved": 800 * MIB},
        "torch": {"requested": 640 * MIB, "allocated": 650 * MIB, "reserved": 900 * MIB},
    },
    "steady": {
        "bytes": 700 * MIB,
        "replayed": {"allocated": 720 * MIB, "reserved": 950 * MIB},
        "torch": {"requested": 730 * MIB, "allocated": 740 * MIB, "reserved": 1000 * MIB}
        | {"inactive": 60 * MIB},
    },
}


def test_stream_of_a_run_becomes_ledgers_of_the_first_step_and_of_what_came_after() -> None:
    me = os.getpid()
    sampler = taken(
        (0, line(100, {}), 0),
        (0, line(500, {me: 380, 77: 20}), 0),
        (1, line(1400, {me: 1280, 77: 20}), 900),
        (2, line(1300, {me: 1180, 77: 20}), 900),
        (5, line(1620, {me: 1400, 77: 120}), 1000),
        (6, line(1500, {me: 1380, 77: 20}), 1000),
    )
    found = ledgers.of(HostLedger(), sampler.first_step, sampler.later, TRACKED)
    assert list(found.bars) == ["device", "device, first step"]
    first, steady = found.bars["device, first step"], found.bars["device"]
    levels = ["predicted", "torch allocated", "torch reserved", "this process", "the device"]
    assert list(first) == list(steady) == levels
    assert [sum(first[level].values()) // MIB for level in levels] == [800, 650, 900, 1280, 1400]
    assert [sum(steady[level].values()) // MIB for level in levels] == [950, 740, 1000, 1400, 1620]
    assert steady["the device"]["other processes and the driver"] == 220 * MIB
    assert found.notes == ()
    assert found.measured is not None
    assert found.measured["overhead"] == 400 * MIB
    assert (found.measured["model"], found.measured["device"]) == ("specproj", "Tesla T4")
    assert found.measured["mode"] == "train"
    other = {**TRACKED, "job": {"model": "specproj", "dtype": "fp16", "mode": "infer"}}
    found = ledgers.of(HostLedger(), sampler.first_step, sampler.later, other)
    assert found.measured is not None
    assert found.measured["mode"] == "infer"


def test_reading_between_two_samples_of_the_host_is_not_lost() -> None:
    me = procfs.stat(os.getpid())
    assert me is not None
    sampler = Sampler(1.0, print)
    pulse = Pulse(1, 1.0, "backward", 5, 9)
    for used in (100, 700, 300):
        sampler.device_line(line(used, {me.pid: used}))
        sampler.look_at_devices({me.pid}, pulse, None)
    sampler.look_at_devices({me.pid}, pulse, None)
    sample = sampler.take(1.0, [me], pulse, Job(me.pid))
    assert sample.device_used == sampler.peaks.device_used == {1: 700 * MIB}
    assert sampler.phases["backward"].device == 700 * MIB
    assert sampler.later[1].ours == 700 * MIB
    assert sampler.take(2.0, [me], pulse, Job(me.pid)).device_used == {1: 300 * MIB}


def test_peak_is_the_jobs_own_where_another_fills_the_device_meanwhile() -> None:
    me = os.getpid()
    sampler = taken(
        (2, line(1000, {me: 900}), 500), (3, line(9000, {me: 600, 77: 8300}), 500),
    )  # fmt: skip
    assert (sampler.later[1].ours, sampler.later[1].used) == (900 * MIB, 1000 * MIB)


@pytest.mark.parametrize(
    ("processes", "used", "ours"),
    [
        ({1: 700}, 820, 0),  # A process that can be seen holds all that came.
        ({1: 700}, 1200, None),  # Half a GiB is in nobody's name.
        ({1: None}, 820, None),
        ({1 << 22: 700}, 820, None),  # A pid of another name space.
        ({}, 120, 0),
    ],
)  # fmt: skip
def test_job_that_the_driver_does_not_name_holds_nothing_where_others_hold_all(
    processes: dict[int, int | None], used: int, ours: int | None
) -> None:
    before = [device.parse(line(100, {}))[0]]
    now = device.parse(line(used, processes))[0]
    assert (
        device_ledger.reading(now, {2}, before, None, is_there=lambda pid: pid < 1000).ours == ours
    )


def test_device_of_others_is_no_ledger_of_the_job() -> None:
    sampler = taken((0, line(900, {77: 800}), 0), (3, line(950, {77: 850}), 0))
    found = ledgers.of(HostLedger(), sampler.first_step, sampler.later, {})
    assert found.bars == {}
    assert found.measured is None


def test_driver_that_hides_processes_is_no_measurement_for_fit() -> None:
    hidden = {1: None}
    sampler = taken((0, line(100, hidden), 0), (2, line(1500, hidden), 1000))
    found = ledgers.of(HostLedger(), sampler.first_step, sampler.later, TRACKED)
    assert found.bars["device"]["this process"]
    assert found.measured is None
