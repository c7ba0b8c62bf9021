"""``python -m runner profile``: real processes, a real network, no device."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner import cli
from runner.profiling import store
from runner.profiling.store import Profile

pytestmark = pytest.mark.long

pytest.importorskip("torch")

_QUICK = ("--device", "cpu", "--modes", "infer", "--steps", "1", "--warmup", "0")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("profiled") / "runs"


def profile(runs: Path, *options: str) -> int:
    return cli.main(["profile", "--runs-dir", str(runs), *options])


@pytest.fixture(scope="module")
def measured(runs: Path) -> Profile:
    """One configuration that is measured and one that a CPU only emulates."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        assert profile(runs, *_QUICK, "--dtypes", "fp32", "fp16") == 0
    return store.find(runs, "last")


def test_each_configuration_is_a_row_and_a_run(measured: Profile, runs: Path) -> None:
    row, skipped = measured.rows()
    assert (row.outcome, skipped.outcome) == ("ok", "skipped")
    assert "emulated" in skipped.why
    assert row.tensors == pytest.approx(row.predicted.tensors, rel=0.02)  # type: ignore[union-attr]
    assert sum(row.steady["by_kind"].values()) == row.tensors
    assert set(row.steady["by_kind"]) == {"parameters", "buffers", "inputs", "temporaries"}
    assert row.predicted is not None
    assert row.host is not None
    assert row.predicted.total[0] <= row.host <= row.predicted.total[2]
    assert row.samples_per_s is not None
    assert row.run is not None
    asked = json.loads((runs / row.run / "run.json").read_text())["asked"]
    assert asked["profile"] == measured.id
    assert (runs / row.run / "attempt-1" / "memory.json").is_file()
    for form in ("html", "md", "json"):
        assert (measured.folder / f"report.{form}").is_file()


def test_resumed_profile_runs_nothing_that_is_done(
    measured: Profile, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(path.name for path in runs.iterdir())
    assert profile(runs, "--resume", "last", "--json") == 0
    assert sorted(path.name for path in runs.iterdir()) == before
    found = json.loads(capsys.readouterr().out)
    assert [row["outcome"] for row in found["rows"]] == ["ok", "skipped"]


def test_configuration_that_runs_out_of_memory_is_a_row_and_not_the_end(
    measured: Profile, tmp_path: Path
) -> None:
    limits = ("--max-host-memory", "150M", "--run-too-large")
    assert profile(tmp_path, *_QUICK, "--dtypes", "fp32", "fp16", *limits) == 0
    row, skipped = store.find(tmp_path, "last").rows()
    assert (row.outcome, skipped.outcome) == ("oom.host.limit", "skipped")
    assert row.why
    assert row.measured is None


def test_what_is_predicted_not_to_fit_is_not_run(measured: Profile, tmp_path: Path) -> None:
    assert profile(tmp_path, *_QUICK, "--max-host-memory", "150M") == 0
    [row] = store.find(tmp_path, "last").rows()
    assert row.outcome == "skipped"
    assert "predicted not to fit" in row.why
    assert "--max-host-memory 150M" in row.why
    assert not list(tmp_path.glob("*-measure-*"))


def test_difference_is_told_as_markdown_and_json(
    measured: Profile, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = f"{measured.id}:specproj/fp32/infer/b1/w0"
    assert profile(runs, "--diff", one, measured.id) == 0
    assert "tensors: 36.8 MiB → 36.8 MiB" in capsys.readouterr().out
    assert profile(runs, "--diff", "last", "last", "--json") == 0
    [found] = json.loads(capsys.readouterr().out)
    assert found["tensors"]["bytes"] == 0
    assert found["by_kind"] == []


def test_gate_fails_where_memory_has_grown_and_can_be_written_anew(
    measured: Profile, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "gate.json"
    asked = ("--gate", str(file))
    assert profile(runs, *asked, "--update", "--modes", "infer", "--of", "last") == 0
    content: dict[str, Any] = json.loads(file.read_text())
    [held] = content["configurations"].values()
    assert held["predicted"] == held["measured"]
    held["measured"] = int(held["measured"] / 1.05)
    file.write_text(json.dumps(content))
    capsys.readouterr()
    assert profile(runs, *asked, "--of", "last") == 3
    said = capsys.readouterr().out
    assert "grown" in said
    assert "--update writes the baseline anew" in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--batch-sizes", "0"), "--batch-sizes 0: expected whole numbers from 1"),
        (
            ("--batch-sizes", "1000000000"),
            "--batch-sizes 1000000000: expected at the most 999999999",
        ),
        (("--workers", "1000000000"), "--workers 1000000000: expected at the most 999999999"),
        (("--models",), "--models: expected at least one"),
        (("--workers", "-1"), "--workers -1: expected whole numbers from 0"),
        (("--steps", "0"), "--steps 0: expected a whole number from 1"),
        (("--device", "gpu"), "--device gpu: expected auto, cpu, cuda or cuda:N"),
        (("--resume", "last"), "no profile in"),
        (("--resume", "last", "--models", "hgnet"), "the profile's own configurations"),
        (("--resume", "last", "--batch-sizes", "1"), "the profile's own configurations"),
        (("--diff", "a", "b"), "--diff a: no profile a in"),
        (("--diff", "a", "b", "--gate", "c"), "--diff and --gate: one at a time"),
        (("--gate", "nowhere/gate.json"), "--gate nowhere/gate.json: No such file"),
        (("--update",), "--update: goes with --gate FILE"),
        (
            ("--models", "specproj-original", "--activation-checkpointing"),
            "--activation-checkpointing: expected a model of",
        ),
    ],
)
def test_wrong_option_is_said(
    options: tuple[str, ...], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert profile(tmp_path / "runs", *options) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said
    assert not (tmp_path / "runs").exists()
