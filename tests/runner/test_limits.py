"""The run's own memory limit, and who is killed where the kernel's is passed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.limits import Finding, MemoryLimit, Watch, parse
from tests.runner.conftest import Supervised, environment, fault

Supervise = Callable[..., Supervised]
MIB = 1 << 20


@pytest.mark.parametrize(
    ("text", "bytes_of_a_gib"),
    [
        ("20G", 20 << 30),
        ("20GiB", 20 << 30),
        ("1.5g", 3 << 29),
        ("512M", 512 * MIB),
        ("1073741824", 1 << 30),
        ("2 TB", 2 << 40),
        ("80%", int(0.8 * (1 << 30))),
        ("100 %", 1 << 30),
    ],
)
def test_limit_is_read(text: str, bytes_of_a_gib: int) -> None:
    assert parse(text).of(1 << 30) == bytes_of_a_gib


@pytest.mark.parametrize("text", ["", "G", "-1G", "0%", "101%", "20X", "much", "1K", "5G5", "nan"])
def test_what_is_no_limit_is_refused_with_what_fits(text: str) -> None:
    with pytest.raises(ValueError, match="20G"):
        parse(text)


def test_warning_comes_once_an_excursion() -> None:
    watch = Watch(MemoryLimit(size=100).of(0))
    found = []
    for used in (50, 91, 95, 89, 92, 80, 93, 100):
        finding, watch = watch.look(used)
        found.append(finding)
    fine, near, over = Finding.FINE, Finding.NEAR, Finding.OVER
    assert found == [fine, near, fine, fine, fine, fine, near, over]


def test_far_from_the_limit_nothing_dear_is_read() -> None:
    watch = Watch(100)
    assert not watch.is_worth_a_look(84)
    assert watch.is_worth_a_look(85)
    assert not watch.has_run_away(105)
    assert watch.has_run_away(106)


def test_wrong_limit_is_a_usage_error_that_names_the_option(runs: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "runner", "exec", "--max-host-memory", "lots", "--", "true"],
        capture_output=True,
        text=True,
        env=environment(runs),
        timeout=240,
    )
    assert done.returncode == 2
    assert "--max-host-memory lots: expected a size like 20G" in done.stderr
    assert "Traceback" not in done.stderr


def test_job_over_its_limit_is_stopped_with_its_holders_named(supervise: Supervise) -> None:
    run = supervise(fault("grows", 600), "--max-host-memory", "200M", "--grace", "1")
    assert (run.outcome, run.status) == ("oom.host.limit", 4)
    said = [fact["text"] for fact in run.result["evidence"]]
    assert any("of the 200.0 MiB that it may" in text for text in said), said
    assert any("held" in text and "pid" in text for text in said)
    assert run.result["leaks"]["processes"] == []


def test_job_near_its_limit_is_warned_of_once_and_goes_on(supervise: Supervise) -> None:
    run = supervise(fault("grows", 288), "--max-host-memory", "320M", "--deadline", "3")
    assert run.outcome == "timeout"
    assert run.stderr.count("beyond them it is stopped") == 1


def test_job_below_its_limit_is_left_alone(supervise: Supervise) -> None:
    run = supervise(["sleep", "0.5"], "--max-host-memory", "80%")
    assert run.outcome == "ok"


def test_kernel_takes_the_job_and_not_the_supervisor(memory_cgroup: Path, runs: Path) -> None:
    """The supervisor stands in the same group, and is larger than the job is at first."""
    inside = (
        "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid())); "
        "os.execv(sys.argv[2], sys.argv[2:])"
    )
    supervisor = [sys.executable, "-m", "runner", "exec", "--json", "--", *fault("grows", 600)]
    done = subprocess.run(
        [sys.executable, "-c", inside, str(memory_cgroup / "cgroup.procs"), *supervisor],
        capture_output=True,
        text=True,
        env=environment(runs),
        timeout=240,
    )
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["outcome"] == "oom.host.killed"


def test_job_is_first_in_line_for_the_kernel(supervise: Supervise) -> None:
    run = supervise(["cat", "/proc/self/oom_score_adj"])
    assert int(run.stdout) >= 500 > int(Path(f"/proc/{os.getpid()}/oom_score_adj").read_text())


GROWS_LATER = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: None if sys.argv[1] == "late" else sys.exit())
time.sleep(float(sys.argv[2]))
held = []
while True:
    held.append(bytearray(20 << 20))
    time.sleep(0.05)
"""


@pytest.mark.parametrize(
    ("argument", "after_s", "options", "outcome"),
    [
        # While its stall is looked at: the look takes a second and more.
        ("soon", 2.3, ("--watchdog", "2"), "oom.host.limit"),
        # While it may end by itself, but does not.
        ("late", 1.2, ("--deadline", "1", "--grace", "60"), "timeout"),
    ],
)
def test_limit_is_watched_while_something_else_is_waited_for(
    supervise: Supervise, argument: str, after_s: float, options: tuple[str, ...], outcome: str
) -> None:
    command = [sys.executable, "-c", GROWS_LATER, argument, str(after_s)]
    run = supervise(command, "--max-host-memory", "300M", *options)
    assert run.outcome == outcome
    assert run.result["peaks"]["host_rss"] < 900 * MIB
    assert run.result["timing"]["ended_s"] < 40
