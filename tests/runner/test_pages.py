"""The files of a report, from real runs: after their end, asked for again, and without an end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from probes import procfs
from runner.paths import run_paths
from runner.report import document, forms, history, html, markdown, pages, timeline, told
from runner.report.material import gather
from tests.runner import reported
from tests.runner.conftest import Supervised, environment, is_gone, wait_until

Supervise = Callable[..., Supervised]
Start = Callable[..., subprocess.Popen[str]]

PULSING = """
import time
from probes import pulse
pulse.attach()
for n in range(1, 61):
    with pulse.phase("forward"):
        time.sleep(.06)
    pulse.gauge("loss", 1 / n)
    pulse.beat(n, 60)
    print("<script>window.hacked = 1</script>", n, flush=True)
"""


def runner(runs: Path, *arguments: str, **other: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runner", *arguments],
        env=environment(runs) | other, capture_output=True, text=True, timeout=240,
    )  # fmt: skip


def test_a_run_leaves_a_page_a_trace_and_its_curves(supervise: Supervise, runs: Path) -> None:
    run = supervise([sys.executable, "-c", PULSING])
    assert run.outcome == "ok", run.stderr
    assert run.stderr.rstrip().endswith("report.html")
    page = (run.folder / "report.html").read_text()
    assert "chart-timeline" in page
    assert "chart-curves" in page
    assert "&lt;script&gt;window.hacked" in page
    assert "<script>window.hacked" not in page
    report = (run.folder / "report.md").read_text()
    assert "Memory over time" in report
    events = json.loads((run.folder / "trace.json").read_text())["traceEvents"]
    names = {event["name"] for event in events}
    assert {"forward", "attempt 1: ok", "host PSS (bytes)", "loss"} <= names
    [*_, last] = (run.folder / "attempt-1" / "curves.jsonl").read_text().splitlines()
    assert json.loads(last)[1]["loss"] == pytest.approx(1 / 60)
    again = runner(runs, "report", "last", "--format", "json", "--out", "-")
    content = json.loads(again.stdout)
    assert content["result"] == run.result
    assert told.place(forms.RESULT, run.result) is None
    assert content["curves"]["loss"]["values"][-1] == pytest.approx(1 / 60)
    assert max(content["timeline"]["host_pss"]["values"]) == run.result["peaks"]["host_pss"]


def test_the_page_of_a_short_run_has_no_charts_and_no_script(supervise: Supervise) -> None:
    run = supervise(["true"])
    page = (run.folder / "report.html").read_text()
    assert "<script" not in page
    assert len(page) < 30_000


def test_a_page_that_cannot_be_made_changes_nothing_and_is_said(
    supervise: Supervise, runs: Path
) -> None:
    # The job puts a folder where the page is to be.
    spoil = "import os, glob; [os.mkdir(f + '/report.html') for f in glob.glob(os.environ['R'])]"
    os.environ["R"] = f"{runs}/2*"
    try:
        run = supervise([sys.executable, "-c", spoil + "; raise SystemExit(3)"])
    finally:
        del os.environ["R"]
    assert (run.outcome, run.status) == ("error.python", 3)
    assert "the report's page was not made" in run.stderr
    assert f"python -m runner report {run.folder.name}" in run.stderr
    assert (run.folder / "report.md").exists()


def test_report_makes_a_page_anew_where_it_is_told(supervise: Supervise, runs: Path) -> None:
    run = supervise(["sh", "-c", "echo hello"])
    (run.folder / "report.html").unlink()
    made = runner(runs, "report", run.folder.name)
    assert made.stdout.strip() == str(run.folder / "report.html")
    assert "hello" in (run.folder / "report.html").read_text()
    target = runs.parent / "elsewhere.md"
    assert runner(runs, "report", "last", "--format", "md", "--out", str(target)).returncode == 0
    assert "# Run" in target.read_text()
    wrong = runner(runs, "report", "20260101-000000-nothing-0000")
    assert wrong.returncode == 2
    assert "no run" in wrong.stderr
    nowhere = runner(runs, "report", "last", "--out", "/nonexistent/x.html")
    assert nowhere.returncode == 2
    assert "Traceback" not in nowhere.stderr


def test_report_leaves_a_link_a_pipe_and_standard_output_what_they_are(
    supervise: Supervise, runs: Path, tmp_path: Path
) -> None:
    supervise(["true"])
    link, pipe, log = tmp_path / "link", tmp_path / "pipe", tmp_path / "log"
    link.symlink_to("real")
    os.mkfifo(pipe)
    log.write_text("before\n")
    how = ("report", "last", "--format", "json", "--out")
    assert runner(runs, *how, str(link)).returncode == 0
    assert link.is_symlink()
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        assert runner(runs, *how, str(pipe)).returncode == 0
        told = reader.communicate(timeout=60)[0].decode()
    assert pipe.is_fifo()
    assert told == (tmp_path / "real").read_text() == runner(runs, *how, "/dev/stdout").stdout
    with log.open("a") as opened:
        command = [sys.executable, "-m", "runner", *how, "/dev/stdout"]
        subprocess.run(command, env=environment(runs), stdout=opened, check=True, timeout=240)
    assert log.read_text() == f"before\n{told}"


def test_standard_output_of_another_encoding_is_written_to(
    supervise: Supervise, runs: Path
) -> None:
    run = supervise(["sh", "-c", "echo 'ValueError: →'; exit 3"])
    how = {"PYTHONIOENCODING": "ascii"}
    made = runner(runs, "report", "last", "--format", "md", "--out", "-", **how)
    assert (made.returncode, made.stderr) == (0, "")
    assert "** &#8212; " in made.stdout
    for command, status in (("show", 0), ("watch", run.status)):
        shown = runner(runs, command, "last", **how)
        assert (shown.returncode, shown.stderr) == (status, "")
        assert run.outcome in shown.stdout


def test_report_of_a_lost_run_tells_what_is_known(start: Start, runs: Path) -> None:
    endless = PULSING.replace("range(1, 61)", "range(1, 10 ** 9)")
    child = start([sys.executable, "-c", endless])
    assert child.stdout is not None
    for _ in range(30):
        child.stdout.readline()
    [job] = [s.pid for s in procfs.processes().values() if s.ppid == child.pid]
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert wait_until(lambda: is_gone(job))
    [folder] = [path for path in runs.iterdir() if path.is_dir()]
    made = runner(runs, "report", folder.name)
    assert made.returncode == 0, made.stderr
    page = (folder / "report.html").read_text()
    assert "lost" in page
    assert "the supervisor died before the run&#x27;s end" in page
    assert "in phase forward, step" in page or "in phase startup, step" in page
    assert "window.hacked" in page


def test_files_that_the_job_replaced_do_not_keep_the_report_waiting(
    supervise: Supervise, runs: Path, tmp_path: Path
) -> None:
    run = supervise(["sh", "-c", "echo hello"])
    secret = tmp_path / "secret"
    secret.write_text("secret of another")
    attempt = run.folder / "attempt-1"
    (attempt / "output.log").unlink()
    os.mkfifo(attempt / "output.log")
    (attempt / "stacks.txt").symlink_to(secret)
    (attempt / "curves.jsonl").write_bytes(b'\xff\x00[1,\n[2.0, {"loss": 3.0}]\n{}\n')
    (run.folder / "run.json").write_text("[" * 100_000)
    found = gather(runs, run_paths(runs, run.folder.name))
    assert found.output == ""
    assert found.stacks is None
    assert [series.name for series in found.curves] == ["loss"]
    assert "run.json is missing or damaged" in found.missing
    made = html.render(document.of_run(found))
    assert "run.json is missing or damaged" in made


def test_page_and_markdown_say_the_same() -> None:
    made = document.of_run(reported.material())
    text, page = markdown.render(made), html.render(made)
    for section in made.sections:
        assert f"## {section.title}" in text
        assert f'id="{section.name}"' in page
    assert "6.0 GiB" in text, "the tree is told in words"


def test_a_job_of_many_numbers_and_devices_has_a_page_of_bounded_size() -> None:
    long = reported.material(20_000, 1.0)
    at_s = [float(n) for n in range(20_000)]
    many = [timeline.Series(f"number {n}", at_s, [n + x for x in at_s]) for n in range(128)]
    devices = {f"device_used.{n}": [(n << 30) + int(x) for x in at_s] for n in range(16)}
    samples = replace(long.samples, columns={**long.samples.columns, **devices})
    made = pages.FORMS["html"](replace(long, curves=many, samples=samples))
    assert len(made) <= 8_000_000


def test_a_file_of_endless_names_is_read_to_a_bound() -> None:
    lines = "\n".join(f'[{n}, {{"name {n}": 1.0}}]' for n in range(1, 5000))
    assert len(history.curves([lines])) == 128
    assert len({name for mix in history.spent([lines]) for name in mix.parts}) <= 128


def test_json_in_a_page_ends_neither_its_element_nor_its_line() -> None:
    hostile = {"</script><!--": "\u2028\u2029 ]]> & \x00", "n": [1, 2.5, None]}
    made = html.as_json(hostile)
    assert json.loads(made) == hostile
    assert not set("<>&\u2028\u2029\x00") & set(made)


def test_the_same_run_makes_the_same_page() -> None:
    assert pages.FORMS["html"](reported.material()) == pages.FORMS["html"](reported.material())


def test_every_number_of_a_page_can_be_read_by_a_browser() -> None:
    bad = reported.material()
    spoiled = timeline.Series("loss", [0.0, 1.0, 2.0], [float("1e308"), 1.0, -1e308])
    page = html.render(document.of_run(replace(bad, curves=[spoiled])))
    assert "NaN" not in page.partition('id="figures">')[2].partition("</script>")[0]
