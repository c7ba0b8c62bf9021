"""The command line: help, usage errors, and what is refused before anything starts."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from fwi import config
from runner import batch_finder, paths
from runner.batch_finder import NotFound
from runner.cli import main, parse
from runner.commands.execute import ExecCommand
from runner.commands.train import TrainCommand
from runner.options import Supervision
from runner.outcomes import Outcome
from tests.runner.conftest import environment


def runner(runs: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runner", *arguments],
        env=environment(runs) | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=240,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "--watchdog", "soon"], "watchdog"),
        (["train", "--watchdog", "-1"], "--watchdog -1.0: expected seconds"),
        (["train", "--batch-size", "0"], "--batch-size 0: expected a whole number from 1"),
        (["train", "--prefetch", "0"], "--prefetch 0: expected a whole number from 1"),
        (
            ["train", "--activation-checkpointing", "--model", "specproj-original"],
            "hgnet, convnext, caformer, inversionnet, not specproj-original",
        ),
        (["train", "--sharing", "carrier-pigeon"], "carrier-pigeon"),
        (["train", "--data", "/no/such"], "--data /no/such: no such folder"),
        (["train", "--fp16", "1", "--dtype", "bf16"], "contradict each other"),
        (["train", "--device", "tpu"], "--device tpu: expected auto, cpu, cuda or cuda:N"),
        (["train", "--resume", "nothing"], "--resume nothing: neither a run in"),
        (["train", "--resume", "last"], "--resume last: no run in"),
        (["train", "--init-from", "nothing"], "--init-from nothing: neither a run in"),
        (["train", "--weights", "last"], "--init-from last: no run in"),
        (["train", "--nproc", "0"], "--nproc 0: expected a whole number from 1"),
        (["train", "--nnodes", "2"], "--nnodes: give --rdzv-endpoint HOST:PORT"),
        (["train", "--no-such-option"], "no-such-option"),
        (["infer", "--data", "."], "--checkpoint"),
        (["infer", "--checkpoint", "last", "--data", "."], "--checkpoint last: no run in"),
        (["infer", "--checkpoint", "/", "--data", "/no/such"], "--data /no/such: no such folder"),
        (["synth", "--families", "Banana_A"], "Banana_A"),
        (["evaluate"], "--checkpoint: expected at least one file, folder or run to judge"),
        (["evaluate", "--checkpoint", "last"], "--checkpoint last: no run in"),
        (["evaluate", "--checkpoint", "nothing"], "--checkpoint nothing: neither a run in"),
        (["evaluate", "--checkpoint", "/", "--part", "test"], "add --misfit"),
        (["evaluate", "--checkpoint", "/", "--seed", "-1"], "--seed -1: expected a whole number"),
        (["exec"], "no command"),
        (["exec", "--grace", "-2", "--", "true"], "--grace -2.0: expected seconds"),
        (["exec", "--log-limit", "0", "--", "true"], "--log-limit 0: expected MiB"),
        (["show", "../../etc/passwd"], "is not a run's id"),
        (["show", "last"], "nothing has been run there"),
        (["runs"], "nothing has been run there"),
        (["banana"], "banana"),
    ],
)
def test_wrong_option_ends_with_status_2_and_a_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    runs = tmp_path / "runs"
    monkeypatch.setenv("FWI_RUNS_DIR", str(runs))
    monkeypatch.setenv("COLUMNS", "200")
    if arguments[0] == "show" and arguments[1] != "last":
        assert runner(runs, "exec", "--", "true").returncode == 0
    try:
        status = main(arguments)
    except SystemExit as ended:
        status = ended.code
    assert status == 2
    shown = capsys.readouterr()
    assert said in shown.err + shown.out
    if arguments[0] in ("train", "infer", "synth", "evaluate", "exec"):
        assert not runs.exists()


LONG = "a" * 300


@pytest.mark.parametrize(
    "arguments",
    [["train", "--data", LONG], ["train", "--init-from", LONG], ["train", "--resume", LONG],
     ["evaluate", "--data", LONG], ["pack", ".", LONG], ["notebook", "--out", f"{LONG}.py"],
     ["runs", "--runs-dir", LONG], ["watch", "--runs-dir", LONG], ["profile", "--diff", LONG, "x"],
     ["exec", "--metrics-file", LONG, "--", "true"]],
)  # fmt: skip
def test_name_that_no_file_can_have_is_said(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FWI_RUNS_DIR", str(tmp_path / "runs"))
    assert main(arguments) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("python -m runner: ")
    assert "too long" in line or "no profile" in line


@pytest.mark.parametrize(
    ("ended", "outcome", "status"),
    [
        (
            NotFound("no size was confirmed", Outcome.OOM_HOST_KILLED, runs=["r"]),
            "oom.host.killed",
            4,
        ),
        (NotFound("no device", Outcome.ERROR_USAGE), "error.usage", 2),
        (NotFound("no samples", Outcome.ERROR_DATA, 3), "error.data", 3),
        (KeyboardInterrupt(), "interrupted", 130),
    ],
)
def test_training_that_ends_before_it_begins_has_a_result_too(
    ended: BaseException,
    outcome: str,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def find(*_: object) -> None:
        raise ended

    monkeypatch.setattr(batch_finder, "find", find)
    asked = ["train", "--batch-size", "auto", "--runs-dir", str(tmp_path / "runs")]
    assert main(asked) == status
    assert capsys.readouterr().out == ""
    assert main([*asked, "--json"]) == status
    [line] = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert (told["outcome"], told["ok"], told["exit_status"]) == (outcome, False, status)
    assert (told["job"], told["run"]) == ("train", None)
    assert told["evidence"][0]["text"] in (
        str(ended),
        "interrupted while a batch size was looked for",
    )
    assert told.get("found") == ({"not_confirmed": ["r"]} if status == 4 else None)


@pytest.mark.parametrize("arguments", [["banana"], ["exec", "--grace", "-2", "--", "true"]])
def test_wrong_option_is_no_traceback(tmp_path: Path, arguments: list[str]) -> None:
    done = runner(tmp_path / "runs", *arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"]])
def test_help_whose_reader_left_is_no_traceback(tmp_path: Path, arguments: list[str]) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "runner", *arguments],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None
    child.stdout.close()
    _, said = child.communicate(timeout=60)
    assert (child.returncode, said) == (0, b"")


@pytest.mark.parametrize("command", ["train", "infer", "synth", "evaluate", "exec"])
def test_help_names_every_option_with_its_default(tmp_path: Path, command: str) -> None:
    text = runner(tmp_path, command, "--help").stdout
    kinds: list[type] = [Supervision]
    if command != "exec":
        kinds.append(config.JOBS[command])
    for kind in kinds:
        for field in dataclasses.fields(kind):
            assert f"--{field.name.replace('_', '-')}" in text
    assert text.count("default:") + text.count("Default:") >= len(dataclasses.fields(Supervision))


def test_job_options_and_supervision_share_one_line() -> None:
    command = parse(["train", "--watchdog", "30", "--batch-size", "4", "--families", "Style_A"])
    assert isinstance(command, TrainCommand)
    assert command.supervision.watchdog == 30
    assert (command.job.batch_size, command.job.families) == (4, ("Style_A",))


def test_everything_after_two_dashes_is_the_command() -> None:
    command = parse(["exec", "--watchdog", "5", "--", "sh", "-c", "x", "--", "--watchdog", "9"])
    assert isinstance(command, ExecCommand)
    assert command.supervision.watchdog == 5
    assert command.command == ("sh", "-c", "x", "--", "--watchdog", "9")


def test_runs_and_show_read_the_ledger(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    assert runner(runs, "exec", "--", "sh", "-c", "exit 7").returncode == 3
    listed = runner(runs, "runs")
    shown = runner(runs, "show", "last")
    content = json.loads(runner(runs, "show", "last", "--json").stdout)
    assert content["exit_code"] == 7
    assert content["run"] in listed.stdout
    assert "error.python" in listed.stdout
    assert "exit status 7" in shown.stdout
    assert runner(runs, "show", content["run"]).returncode == 0


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_log_of_another_shell_is_read(tmp_path: Path, encoding: str) -> None:
    """As PowerShell writes what it is told to put into a file; longer than what is looked at."""
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    text = f"{mark}{'epoch 1 ω' * 90_000}x\nTraceback (most recent call last):\n" + (
        '  File "train.py", line 3, in <module>\nMemoryError\n'
    )
    log = tmp_path / "job.log"
    log.write_bytes(text.encode(encoding))
    read = runner(tmp_path, "explain", str(log), "--exit", "1").stdout
    assert "oom.host.refused" in read
    again = subprocess.run(
        [sys.executable, "-m", "runner", "explain", "-", "--exit", "1"],
        input=log.read_bytes(), capture_output=True, env=environment(tmp_path), timeout=60,
    )  # fmt: skip
    assert b"oom.host.refused" in again.stdout


def test_json_is_the_last_line_and_nothing_else_of_ours(tmp_path: Path) -> None:
    done = runner(tmp_path / "runs", "exec", "--json", "--", "echo", "the job's own")
    first, last = done.stdout.splitlines()
    assert first == "the job's own"
    assert json.loads(last)["ok"] is True


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_descriptors_are_not_taken_by_our_files(
    tmp_path: Path, closed: str
) -> None:
    runs = tmp_path / "runs"
    line = f'"$0" -m runner exec -- echo "the job\'s own" {closed}'
    done = subprocess.run(
        ["sh", "-c", line, sys.executable], env=environment(runs), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ("" if ">&-" in closed.replace("2>&-", "") else "the job's own\n")
    assert len(json.loads(runner(runs, "runs", "--json").stdout)) == 1


def test_runs_folder_that_cannot_be_made_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = runner(tmp_path / "file" / "runs", "exec", "--", "true")
    assert done.returncode == 2
    assert "--runs-dir" in done.stderr


@pytest.mark.parametrize(
    "text", ["", "..", "a/b", "20260101-000000-../../x", "20260101-000000-a..b", "x" * 200]
)
def test_what_is_no_run_id_leads_nowhere(text: str) -> None:
    with pytest.raises(ValueError, match="is not a run's id"):
        paths.run_paths(Path("runs"), text)


def test_new_ids_sort_by_time_and_survive_any_label() -> None:
    run = paths.new_run_id("train", "../we ird/läbel" * 20)
    assert paths.is_run_id(run)
    assert len(run) < 100
