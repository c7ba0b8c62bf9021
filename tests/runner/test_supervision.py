"""Real programs that go wrong, under the real supervisor."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from probes import procfs
from tests.runner.conftest import ROOT, Supervised, environment, fault, is_gone, wait_until

pytestmark = pytest.mark.long

Supervise = Callable[..., Supervised]
Start = Callable[..., subprocess.Popen[str]]


def first_line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def last_result(child: subprocess.Popen[str]) -> dict[str, object]:
    out, _ = child.communicate(timeout=240)
    return dict(json.loads(out.splitlines()[-1]))


def test_good_command_is_ok_and_keeps_its_output(supervise: Supervise) -> None:
    run = supervise(["sh", "-c", "echo out; echo err >&2"])
    assert (run.outcome, run.status) == ("ok", 0)
    assert run.stdout == "out\n"
    assert "err" in run.stderr
    assert sorted((run.folder / "attempt-1" / "output.log").read_text().split()) == ["err", "out"]
    assert json.loads((run.folder / "attempt-1" / "result.json").read_text()) == run.result
    assert json.loads((run.folder / "run.json").read_text())["command"][0] == "sh"
    assert "**ok**" in (run.folder / "report.md").read_text()


def test_result_has_every_field_of_the_contract(supervise: Supervise) -> None:
    result = supervise(["sleep", "0.3"]).result
    assert result["schema"] == 1
    assert set(result) >= {
        "run", "job", "outcome", "ok", "confidence", "exit_code", "signal", "evidence", "also",
        "advice", "attempts", "peaks", "phases", "leaks", "timing",
    }  # fmt: skip
    assert set(result["peaks"]) >= {
        "host_pss", "host_rss", "host_uss", "shm", "device_used", "device_allocated",
        "device_reserved",
    }  # fmt: skip
    assert result["peaks"]["host_pss"] > 0
    assert set(result["leaks"]) >= {"processes", "shm", "device_bytes"}
    assert set(result["timing"]) == {
        "started", "spawn_s", "first_pulse_s", "ended_s", "detected_s", "reaped_s",
    }  # fmt: skip


def test_hanging_job_is_noticed_explained_and_stopped(supervise: Supervise) -> None:
    run = supervise(fault("sleeps_forever"), "--watchdog", "1", "--grace", "5")
    assert (run.outcome, run.status) == ("hang.unknown", 5)
    assert run.result["signal"] == signal.SIGTERM
    assert "sleeps_forever.py" in (run.folder / "attempt-1" / "stacks.txt").read_text()
    assert any("no progress" in fact["text"] for fact in run.result["evidence"])
    assert run.result["leaks"]["processes"] == []


def test_job_that_ignores_sigterm_is_killed_after_the_grace_time(supervise: Supervise) -> None:
    run = supervise(fault("ignores_sigterm"), "--watchdog", "1", "--grace", "0.5")
    assert run.outcome == "hang.unknown"
    assert run.result["signal"] == signal.SIGKILL


def test_our_own_sigkill_is_not_taken_for_the_kernels(supervise: Supervise) -> None:
    run = supervise(fault("ignores_sigterm"), "--deadline", "1", "--grace", "0.2")
    assert (run.outcome, run.status) == ("timeout", 6)
    assert not any("oom" in other for other in run.result["also"])


def test_daemonised_grandchild_is_found_killed_and_reported(supervise: Supervise) -> None:
    run = supervise(fault("daemonises"), "--grace", "0.5")
    assert (run.outcome, run.status) == ("ok", 0)
    pid = int(run.stdout)
    assert is_gone(pid)
    assert [(left["pid"], left["gone"]) for left in run.result["leaks"]["processes"]] == [
        (pid, True)
    ]
    assert "left behind" in run.stderr


def test_daemonised_grandchild_of_a_stalled_job_is_stopped_with_it(supervise: Supervise) -> None:
    run = supervise(fault("daemonises", 3600), "--watchdog", "1", "--grace", "0.5")
    assert run.outcome == "hang.unknown"
    assert is_gone(int(run.stdout))


def test_child_left_behind_is_ended_and_reported(supervise: Supervise) -> None:
    run = supervise(fault("leaves_a_child"), "--grace", "1")
    assert run.outcome == "ok"
    assert is_gone(int(run.stdout))
    assert len(run.result["leaks"]["processes"]) == 1


@pytest.mark.parametrize(
    ("number", "outcome", "status"),
    [
        (signal.SIGKILL, "crash.killed", 7),
        (signal.SIGSEGV, "crash.segv", 7),
        (signal.SIGABRT, "crash.abort", 7),
        (signal.SIGUSR1, "crash.signal", 7),
    ],
)
def test_job_that_dies_of_a_signal_is_a_crash(
    supervise: Supervise, number: int, outcome: str, status: int
) -> None:
    run = supervise(fault("kills_itself", int(number)))
    assert (run.outcome, run.status) == (outcome, status)
    assert (run.result["signal"], run.result["exit_code"]) == (number, None)


def test_exit_passthrough_gives_the_jobs_own_status(supervise: Supervise) -> None:
    assert supervise(["sh", "-c", "exit 42"], "--exit-passthrough").status == 42
    assert supervise(fault("kills_itself", 9), "--exit-passthrough").status == 137


def test_job_that_closes_its_output_is_waited_for(supervise: Supervise) -> None:
    run = supervise(fault("closes_output"))
    assert run.result["exit_code"] == 5
    assert run.result["timing"]["ended_s"] > 1.4


def test_job_that_prints_200_mb_fills_neither_disk_nor_memory(supervise: Supervise) -> None:
    run = supervise(["sh", "-c", '"$@" 2>&1', "sh", *fault("prints_much", 200)], "--log-limit", "4")
    assert run.outcome == "ok"
    log = run.folder / "attempt-1" / "output.log"
    assert log.stat().st_size <= 4 << 20
    assert run.result["output_bytes"] == (200 << 20) + len("the end\n")
    kept = log.read_text().splitlines()
    assert kept[0].startswith("[the first ")
    assert kept[-1] == "the end"
    assert int(kept[-3]) == 200 * (1 << 14) - 1
    # Everything was passed on, in order, to whoever reads us.
    assert len(run.stdout) == run.result["output_bytes"]


def test_host_memory_that_was_refused_is_oom(supervise: Supervise) -> None:
    run = supervise(fault("runs_out_of_memory"))
    assert (run.outcome, run.status) == ("oom.host.refused", 4)


@pytest.mark.parametrize("seconds_there", [0, 1.5])
def test_job_that_the_kernel_kills_for_memory_is_oom(
    supervise: Supervise, memory_cgroup: Path, seconds_there: float
) -> None:
    run = supervise(fault("eats_memory_in_a_cgroup", memory_cgroup, seconds_there))
    assert (run.outcome, run.status) == ("oom.host.killed", 4)
    assert any(fact["source"] in ("cgroup", "vmstat") for fact in run.result["evidence"])


def test_loader_worker_that_the_kernel_kills_for_memory_is_named(
    supervise: Supervise, memory_cgroup: Path
) -> None:
    run = supervise(fault("worker_eats_memory", memory_cgroup))
    assert run.outcome == "oom.host.worker"
    assert "crash.worker" in run.result["also"]


def test_loader_worker_that_delivers_nothing_is_hang_dataloader(supervise: Supervise) -> None:
    run = supervise(
        fault("worker_delivers_nothing"),
        "--watchdog", "2", "--watchdog-startup", "60", "--grace", "1",
    )  # fmt: skip
    assert (run.outcome, run.status) == ("hang.dataloader", 5)


def test_frightening_log_of_a_good_job_is_ok(supervise: Supervise) -> None:
    assert supervise(fault("speaks_of_oom_and_succeeds")).outcome == "ok"


def test_caught_oom_does_not_explain_a_later_exception(supervise: Supervise) -> None:
    assert supervise(fault("caught_oom_then_fails")).outcome == "error.python"


def test_busy_job_without_progress_spins(supervise: Supervise) -> None:
    run = supervise(fault("spins"), "--watchdog", "1", "--grace", "1")
    assert (run.outcome, run.status) == ("hang.spin", 5)


def test_stopped_job_is_named_so_and_ended(supervise: Supervise) -> None:
    run = supervise(fault("stops_itself"), "--watchdog", "1", "--grace", "1")
    assert (run.outcome, run.status) == ("hang.stopped", 5)


def test_progress_bar_that_only_redraws_is_progress(supervise: Supervise) -> None:
    run = supervise(fault("slow_but_moving", 6), "--watchdog", "1.2")
    assert run.outcome == "ok"


def test_output_is_no_progress_of_a_job_that_pulses(supervise: Supervise) -> None:
    run = supervise(fault("pulses_then_stalls"), "--watchdog", "1", "--grace", "1")
    assert run.result["outcome"].startswith("hang.")
    assert any("phase backward, step 2 of 100" in f["text"] for f in run.result["evidence"])
    assert {p["name"]: p["count"] for p in run.result["phases"]}["forward"] == 3


def test_silent_computation_stalls_unless_processors_count(supervise: Supervise) -> None:
    counted = supervise(
        fault("computes_silently", 3), "--watchdog", "1", "--progress", "cpu", "--sample", "0.2"
    )
    assert counted.outcome == "ok"
    # Long enough to be looked at also where others want the processor.
    plain = supervise(fault("computes_silently", 60), "--watchdog", "1", "--grace", "1")
    assert plain.outcome == "hang.spin"


def test_finished_job_that_does_not_end_is_hang_exit(supervise: Supervise) -> None:
    run = supervise(fault("finishes_but_does_not_exit"), "--watchdog", "1", "--grace", "1")
    assert (run.outcome, run.status) == ("hang.exit", 5)


def test_failure_that_the_job_names_is_believed(supervise: Supervise) -> None:
    run = supervise(fault("names_its_failure"))
    assert (run.outcome, run.status) == ("error.nan", 3)
    assert any("step 7" in fact["text"] for fact in run.result["evidence"])


def test_process_that_forks_whenever_it_is_told_to_end_is_ended(supervise: Supervise) -> None:
    run = supervise(fault("forks_while_killed"), "--watchdog", "1", "--grace", "0.5")
    assert run.outcome.startswith("hang.")
    marked = [
        pid
        for pid in procfs.pids()
        if procfs.has_environment(pid, f"FWI_RUN={run.result['run']}".encode())
    ]
    assert marked == []


def test_deadline_ends_a_job_that_makes_progress(supervise: Supervise) -> None:
    run = supervise(fault("slow_but_moving", 1000), "--deadline", "1.5", "--grace", "1")
    assert (run.outcome, run.status) == ("timeout", 6)


def test_missing_program_is_a_usage_error(supervise: Supervise) -> None:
    run = supervise(["/no/such/program"])
    assert (run.outcome, run.status) == ("error.usage", 2)


def test_one_interrupt_lets_the_job_write_its_checkpoint(start: Start, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    child = start(fault("checkpoints_when_asked", checkpoint), "--grace", "30")
    assert first_line(child) == "ready"
    child.send_signal(signal.SIGINT)
    result = last_result(child)
    assert (result["outcome"], child.returncode) == ("interrupted", 130)
    assert checkpoint.read_text() == "checkpoint"


def test_second_interrupt_kills(start: Start) -> None:
    child = start(fault("ignores_sigterm"), "--grace", "3600")
    assert first_line(child) == "ready"
    child.send_signal(signal.SIGINT)
    assert child.stderr is not None
    while "asking the job to stop" not in child.stderr.readline():
        pass
    child.send_signal(signal.SIGINT)
    result = last_result(child)
    assert (result["outcome"], result["signal"]) == ("interrupted", signal.SIGKILL)


def test_job_dies_with_a_killed_supervisor_and_the_run_is_found_lost(
    start: Start, supervise: Supervise, runs: Path
) -> None:
    child = start(fault("daemonises", 3600))
    daemon = int(first_line(child))
    [job] = [
        pid
        for pid in procfs.pids()
        if (s := procfs.stat(pid)) is not None and s.ppid == child.pid and s.pid != daemon
    ]
    child.kill()
    assert wait_until(lambda: is_gone(job))
    after = supervise(["true"])
    assert "was lost" in after.stderr
    listing = subprocess.run(
        [sys.executable, "-m", "runner", "runs", "--json"],
        env=environment(runs), capture_output=True, text=True, check=True,
    )  # fmt: skip
    states = {row["id"]: row["outcome"] for row in json.loads(listing.stdout)}
    assert sorted(states.values()) == ["lost", "ok"]
    [lost] = [run for run, outcome in states.items() if outcome == "lost"]
    note = (runs / lost / "attempt-1" / "cgroup").read_text().strip()
    if note.startswith("none: "):
        # It emptied its environment: nothing proves whose it is, so it is left alone.
        assert not is_gone(daemon)
        os.kill(daemon, signal.SIGKILL)
    else:
        assert is_gone(daemon)
        assert not Path(note).exists()


def test_two_supervisors_at_once_share_a_ledger(start: Start, runs: Path) -> None:
    children = [start(["sh", "-c", "sleep 0.5"]) for _ in range(3)]
    assert [last_result(child)["outcome"] for child in children] == ["ok"] * 3
    listing = subprocess.run(
        [sys.executable, "-m", "runner", "runs", "--json"],
        env=environment(runs), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert len(json.loads(listing.stdout)) == 3


def test_supervisor_stopped_for_a_while_does_not_blame_the_job(start: Start) -> None:
    child = start(["sh", "-c", "echo ready; sleep 4; echo done"], "--watchdog", "3")
    assert first_line(child) == "ready"
    child.send_signal(signal.SIGSTOP)
    assert wait_until(lambda: (s := procfs.stat(child.pid)) is not None and s.state == "T")
    wait_until(lambda: False, 3.5)
    child.send_signal(signal.SIGCONT)
    assert last_result(child)["outcome"] == "ok"


def test_run_works_inside_a_running_event_loop(runs: Path) -> None:
    source = """
        import asyncio, pathlib, sys
        from runner import supervisor
        from runner.options import Supervision

        async def notebook():
            options = Supervision(runs_dir=pathlib.Path(sys.argv[1]))
            return supervisor.run(["sh", "-c", "exit 0"], options=options)

        result = asyncio.run(notebook())
        print(result.outcome, result.exit_status())
    """
    import textwrap

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source), str(runs)],
        env=environment(runs), capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.stdout.strip() == "ok 0", done.stderr


def test_hostile_output_stays_text_in_the_report(supervise: Supervise) -> None:
    hostile = "````\n<script>alert(1)</script> \x1b[2J | [x](javascript:1)\n```"
    run = supervise([sys.executable, "-c", f"print({hostile!r}); raise SystemExit(1)"])
    report = (run.folder / "report.md").read_text()
    assert "\x1b" not in report
    outside, depth = [], False
    for line in report.splitlines():
        if line.startswith("`````"):
            depth = not depth
        elif not depth:
            outside.append(line)
    assert not depth
    assert "<script>" in report
    assert "<script>" not in "\n".join(outside)
