"""A supervisor that itself fails: the job is stopped, and the run still says how it ended."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from probes import procfs
from runner import attempt_ending, lost, supervisor
from runner.ledger import Ledger
from runner.options import Supervision
from runner.outcomes import Outcome
from runner.paths import ledger_path
from runner.sampling import Sampler

JOB = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); print('up', flush=True); time.sleep(600)"  # noqa: E501


def test_run_whose_end_cannot_be_put_together_has_a_result_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr(attempt_ending, "end_of", fails)
    options = Supervision(runs_dir=tmp_path, sample=0.05, grace=1.0)
    result = supervisor.run([sys.executable, "-c", "raise SystemExit(7)"], options=options)
    assert result.outcome is Outcome.LOST
    told = json.loads((tmp_path / result.run / "attempt-1" / "result.json").read_text())
    assert told["exit_code"] == 7
    assert "ZeroDivisionError: a mistake of ours" in told["evidence"][0]["text"]
    assert told["troubles"] == [
        "what was measured is not known: ZeroDivisionError: a mistake of ours"
    ]


def test_run_whose_supervision_fails_is_stopped_and_has_a_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    seen: list[int] = []
    take = Sampler.take

    def fails(self: Sampler, now: float, members: list[procfs.Stat], *rest: object) -> object:
        seen.extend(member.pid for member in members)
        if len(members) < 2:
            return take(self, now, members, *rest)  # type: ignore[arg-type]
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr(Sampler, "take", fails)
    options = Supervision(runs_dir=tmp_path, sample=0.05, grace=1.0)
    result = supervisor.run([sys.executable, "-c", JOB], options=options)
    assert result.outcome is Outcome.LOST
    assert len(set(seen)) >= 2
    assert not [pid for pid in set(seen) if procfs.stat(pid) is not None]
    folder = tmp_path / result.run / "attempt-1"
    told = json.loads((folder / "result.json").read_text())
    assert told["outcome"] == "lost"
    assert "ZeroDivisionError: a mistake of ours" in told["evidence"][0]["text"]
    assert told["leaks"]["processes"] == []
    assert "ZeroDivisionError" in (folder / "supervisor-error.txt").read_text()
    assert (tmp_path / result.run / "report.md").is_file()
    assert "a mistake of ours" in capfd.readouterr().err
    ledger = Ledger(ledger_path(tmp_path), reading=True)
    try:
        assert ledger.orphaned() == []
    finally:
        ledger.close()
    assert lost.sweep(tmp_path, print) == []
