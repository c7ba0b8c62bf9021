"""The kernel's own words about kills for memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from probes import kernel_log
from probes.kernel_log import KernelLog, Kill, parse
from tests.runner.conftest import wait_until

MIB = 1 << 20


@pytest.mark.parametrize(
    ("line", "kill"),
    [
        (
            "Memory cgroup out of memory: Killed process 496 (pt_data_worker) total-vm:710656kB, "
            "anon-rss:215076kB, file-rss:13488kB, shmem-rss:0kB, UID:0 pgtables:624kB "
            "oom_score_adj:512",
            Kill(496, "pt_data_worker", 215076 * 1024, 512),
        ),
        (
            "Out of memory: Killed process 41230 (python3 (train)) total-vm:1kB, anon-rss:2kB,",
            Kill(41230, "python3 (train)", 2048),
        ),
        (
            "Out of memory: Kill process 7 (python) score 900 or sacrifice child",
            Kill(7, "python", None),
        ),
        (
            "Memory cgroup out of memory: Killed process 9, UID 1000, (python) total-vm:1kB, "
            "anon-rss:1kB",
            Kill(9, "python", 1024),
        ),
    ],
)  # fmt: skip
def test_kill_is_read_from_the_words_of_many_kernels(line: str, kill: Kill) -> None:
    assert parse(["usb 1-1: new device", line]).kills == (kill,)


def test_device_events_are_read() -> None:
    said = parse(
        ["NVRM: Xid (PCI:0000:61:00): 79, pid=2, name=python, GPU has fallen off the bus."]
    )
    assert said.xids[0].startswith("Xid (PCI:0000:61:00): 79")
    assert parse(["python3[4]: segfault at 0"]).kills == ()


def test_real_kill_is_seen_and_earlier_ones_are_not(memory_cgroup: Path) -> None:
    log = KernelLog()
    if log.read() is None:
        pytest.skip("the kernel log may not be read here")
    assert log.read() is not None
    before = len(log.read().kills)  # type: ignore[union-attr]
    fault = Path(__file__).resolve().parents[1] / "faults" / "eats_memory_in_a_cgroup.py"
    child = subprocess.Popen([sys.executable, str(fault), str(memory_cgroup)])
    child.wait(timeout=240)
    found: list[Kill] = []

    def told() -> bool:
        said = log.read()
        found[:] = said.kills if said else ()
        return any(kill.pid == child.pid for kill in found)

    assert wait_until(told)
    assert len(found) > before
    log.close()
    assert os.path.exists("/dev/kmsg")


def test_event_of_another_process_on_the_device_is_not_of_these() -> None:
    fault = "Xid (PCI:0000:00:06): 31, pid=595, name=python, channel 0x0000000b, MMU Fault"
    lost = "Xid (PCI:0000:61:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."
    assert kernel_log.of_processes([fault, lost], {595}) == (fault, lost)
    assert kernel_log.of_processes([fault, lost], {599}) == (lost,)


def test_device_that_is_lost_is_everybodys_trouble_whoever_is_named() -> None:
    lost = "Xid (PCI:0000:61:00): 79, pid=595, name=python, GPU has fallen off the bus."
    bus = "GPU at PCI:0000:61:00 has fallen off the bus."
    assert kernel_log.of_processes([lost, bus], {599}) == (lost, bus)
