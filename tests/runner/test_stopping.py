"""Programs that hide and resist, under the real supervisor; with a cgroup, and without one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from probes import cgroup_control, procfs
from probes.cgroup_control import Group
from tests.runner.conftest import Supervised, environment, fault, is_gone, wait_until

Supervise = Callable[..., Supervised]
Start = Callable[..., "subprocess.Popen[str]"]

_WITHOUT_CGROUPS = [
    "unshare",
    "-m",
    "sh",
    "-c",
    " for m in $(awk '$3 ~ /^cgroup2?$/ {print $2}' /proc/mounts); do"
    ' mount -o remount,bind,ro "$m" || exit 99; done; exec "$@"',
    "sh",
]


def note(folder: Path) -> str:
    return (folder / "attempt-1" / "cgroup").read_text().strip()


def marked(run: str) -> list[int]:
    entry = f"FWI_RUN={run}".encode()
    return [pid for pid in procfs.pids() if procfs.has_environment(pid, entry)]


def needs_a_group() -> None:
    group = cgroup_control.make(f"test-{os.getpid()}")
    if not isinstance(group, Group):
        pytest.skip(f"no cgroup can be made here: {group}")
    assert group.remove()


def without_cgroups(runs: Path, command: list[str], *options: str) -> Supervised:
    """A run where every cgroup hierarchy is mounted read-only, in a mount namespace of its own."""
    done = subprocess.run(
        [*_WITHOUT_CGROUPS, sys.executable, "-m", "runner", "exec", "--json", *options, "--",
         *command],
        capture_output=True, text=True, env=environment(runs), stdin=subprocess.DEVNULL,
        timeout=240,
    )  # fmt: skip
    if done.returncode in (1, 99) and not done.stdout:
        pytest.skip(f"no mount namespace can be made here: {done.stderr}")
    lines = done.stdout.splitlines()
    result = json.loads(lines[-1])
    return Supervised(
        result, done.returncode, "\n".join(lines[:-1]), done.stderr, runs / result["run"]
    )


def test_group_is_made_entered_and_removed_with_the_run(supervise: Supervise) -> None:
    needs_a_group()
    run = supervise(["cat", "/proc/self/cgroup"])
    folder = note(run.folder)
    assert f"/{Path(folder).name}" in run.stdout
    assert not Path(folder).exists()
    assert run.result["leaks"]["cgroup"] is None


@pytest.mark.parametrize("with_groups", [True, False])
@pytest.mark.parametrize("name", ["hides_and_stops", "daemonises"])
def test_whoever_hides_is_found_and_ended(
    supervise: Supervise, runs: Path, name: str, with_groups: bool
) -> None:
    options = ("--watchdog", "1", "--grace", "0.5")
    words = fault(name, 3600)
    run = supervise(words, *options) if with_groups else without_cgroups(runs, words, *options)
    assert run.outcome.startswith("hang.")
    assert is_gone(int(run.stdout))
    assert marked(run.result["run"]) == []
    if not with_groups:
        assert note(run.folder).startswith("none: ")


def test_process_in_a_group_below_is_ended_and_the_groups_are_removed(
    supervise: Supervise,
) -> None:
    needs_a_group()
    run = supervise(fault("makes_groups_below"), "--grace", "1")
    inner, pid = run.stdout.split()
    assert is_gone(int(pid))
    assert [left["pid"] for left in run.result["leaks"]["processes"]] == [int(pid)]
    assert not Path(note(run.folder)).exists()
    assert Path(note(run.folder)) in Path(inner).parents


def test_signals_that_were_sent_are_written_down_for_every_process(supervise: Supervise) -> None:
    run = supervise(fault("hides_and_stops"), "--watchdog", "1", "--grace", "0.5")
    sent = run.result["attempts"][0]["sent"]
    hidden = int(run.stdout)
    assert {(s["pid"], s["signal"]) for s in sent} >= {
        (hidden, signal.SIGTERM),
        (hidden, signal.SIGCONT),
        (hidden, signal.SIGKILL),
    }
    assert len({s["pid"] for s in sent if s["signal"] == signal.SIGKILL}) == 2
    assert all(s["why"] for s in sent)
    times = [s["at_s"] for s in sent]
    assert times == sorted(times)
    facts = [f["text"] for f in run.result["evidence"] if str(hidden) in f["text"]]
    assert any("sent by the supervisor" in text for text in facts)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_supervisor_told_to_end_leaves_nothing(start: Start, number: int) -> None:
    child = start(fault("hides_and_stops"), "--grace", "0.5")
    assert child.stdout is not None
    hidden = int(child.stdout.readline())
    child.send_signal(number)
    out, _ = child.communicate(timeout=240)
    result = json.loads(out.splitlines()[-1])
    assert result["outcome"] == "interrupted"
    assert is_gone(hidden)


def test_group_of_a_killed_supervisor_is_emptied_by_the_next_start(
    start: Start, supervise: Supervise, runs: Path
) -> None:
    needs_a_group()
    child = start(fault("hides_and_stops"))
    assert child.stdout is not None
    hidden = int(child.stdout.readline())
    child.kill()
    child.wait()
    [first] = [path for path in runs.iterdir() if path.is_dir()]
    folder = Path(note(first))
    assert folder.exists()
    assert not is_gone(hidden)
    after = supervise(["true"])
    assert "1 process(es) of it were still there and were killed" in after.stderr
    assert wait_until(lambda: is_gone(hidden))
    assert not folder.exists()


def test_child_of_a_shell_has_the_grace_time_too(start: Start) -> None:
    source = (
        "import signal, sys, time\n"
        "def finish(*_):\n"
        "    time.sleep(4)\n"
        "    print('checkpoint written', flush=True)\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, finish)\n"
        "print('begun', flush=True)\n"
        "while True: time.sleep(1)\n"
    )
    child = start(
        ["bash", "-c", f'{sys.executable} -c "$0"; true', source],
        "--deadline",
        "2",
        "--grace",
        "30",
    )
    out, _ = child.communicate(timeout=240)
    assert "checkpoint written" in out
    assert json.loads(out.splitlines()[-1])["outcome"] == "timeout"


def test_signal_of_a_scheduler_is_passed_on_and_quit_ends_the_tree(start: Start) -> None:
    source = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGUSR1, lambda *_: print('told', flush=True))\n"
        "print('begun', flush=True)\n"
        "while True: time.sleep(0.1)\n"
    )
    child = start([sys.executable, "-c", source], "--grace", "1")
    assert child.stdout is not None
    assert child.stdout.readline() == "begun\n"
    child.send_signal(signal.SIGUSR1)
    assert child.stdout.readline() == "told\n"
    child.send_signal(signal.SIGQUIT)
    out, _ = child.communicate(timeout=240)
    assert json.loads(out.splitlines()[-1])["outcome"] == "interrupted"


def test_result_has_a_line_of_its_own_after_output_without_an_end(start: Start) -> None:
    child = start(["printf", "step 5"])
    out, _ = child.communicate(timeout=240)
    said, result = out.splitlines()
    assert said == "step 5"
    assert json.loads(result)["outcome"] == "ok"
