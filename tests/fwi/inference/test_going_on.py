"""Predictions are kept as they are made, and never mixed with those of another question."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fwi import config, ensemble, families, predictions
from fwi.inference import infer, question_of
from probes import pulse
from tests.fwi.inference.asking import OIDS, table
from tests.fwi.runs import ROOT
from tests.fwi.trees import cubes

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("one_thread")]


@pytest.mark.usefixtures("chunks_of_two")
def test_what_is_predicted_is_kept_and_only_what_is_missing_is_predicted(
    job: config.Infer, capsys: pytest.CaptureFixture[str]
) -> None:
    job = dataclasses.replace(job, keep_predictions=True)
    infer(job)
    fresh = table(job.target)
    [folder] = predictions.work_folder(job.target).glob("*/")
    marked = np.full((2, 70, 70), 2000, np.float32)
    np.save(folder / "00000.npy", marked)
    (folder / "00001.npy").unlink()
    (folder / "00002.npy").write_bytes((folder / "00002.npy").read_bytes()[:-1])
    (folder / ".00001.npy.abc.tmp").write_text("half-written")
    (job.target.parent / ".s.csv.abc.tmp").write_text("half-written")
    infer(job)
    found = table(job.target)
    assert all(set(found[f"{oid}_y_9"]) == {2000} for oid in OIDS[:2])
    assert {k: v for k, v in found.items() if k[:10] in OIDS[2:]} == {
        k: v for k, v in fresh.items() if k[:10] in OIDS[2:]
    }
    assert "2 records are predicted already" in capsys.readouterr().out
    assert not list(job.target.parent.rglob("*.tmp"))


@pytest.mark.usefixtures("chunks_of_two")
@pytest.mark.parametrize(
    "change",
    [
        lambda job, _: dataclasses.replace(job, tta=False),
        lambda job, others: dataclasses.replace(job, checkpoint=(str(others["b"]),)),
        lambda job, others: dataclasses.replace(
            job, checkpoint=(*job.checkpoint, str(others["b"]))
        ),
        lambda job, _: os.utime(job.data / f"{OIDS[0]}.npy", (1, 1)),
    ],
    ids=["tta", "weights", "one more", "a record changed"],
)  # fmt: skip
def test_predictions_of_another_question_are_never_mixed_in(
    job: config.Infer,
    checkpoints: dict[str, Path],
    records: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Any,
) -> None:
    own = shutil.copytree(records, tmp_path / "records")
    job = dataclasses.replace(job, data=own, keep_predictions=True)
    infer(job)
    [folder] = predictions.work_folder(job.target).glob("*/")
    for path in folder.glob("*.npy"):
        np.save(path, np.full((2, 70, 70), 2000, np.float32))
    infer(change(job, checkpoints) or job)
    assert f"{folder} holds predictions of another question" in capsys.readouterr().out
    assert not [name for name, row in table(job.target).items() if set(row) == {2000}]


def test_precision_is_part_of_the_question(job: config.Infer) -> None:
    index = families.index_test(job.data)
    [member] = ensemble.load(job, torch.device("cpu"))
    half = dataclasses.replace(member, precision="bf16")
    assert question_of(job, [member], index) != question_of(job, [half], index)
    assert question_of(job, [half], index) == question_of(job, [half], index)


@pytest.mark.usefixtures("chunks_of_two")
@pytest.mark.parametrize(
    "changes",
    [{"batch_size": 1}, {"workers": 1}, {"combine": "mean"}, {"round": True}, {"format": "npy"}],
)
def test_how_it_is_computed_and_written_is_no_part_of_the_question(
    job: config.Infer, changes: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    infer(dataclasses.replace(job, keep_predictions=True))
    work = predictions.work_folder(job.target)
    if "format" in changes:
        changes["out"] = job.target.with_name("p.npy")
        work.rename(predictions.work_folder(changes["out"]))
    infer(dataclasses.replace(job, **changes))
    assert "6 records are predicted already" in capsys.readouterr().out
    assert not list(job.target.parent.glob("*.work"))


def in_small_chunks(job: config.Infer, recorder: Path) -> subprocess.Popen[str]:
    pulse.create(recorder)
    own = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "FWI_PULSE": str(recorder)}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.fwi.inference.in_small_chunks", "infer",
         *config.to_argv(job)],
        env=os.environ | own,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_run_that_was_stopped_goes_on_and_ends_as_one_that_was_not(
    job: config.Infer,
    tmp_path: Path,
    number: signal.Signals,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = tmp_path / "many"
    data.mkdir()
    for n in range(20):
        np.save(data / f"{n:010x}.npy", cubes(1, n, np.float16)[0])
    job = dataclasses.replace(job, data=data, batch_size=2)
    infer(job)
    whole = job.target.read_bytes()
    stopped = dataclasses.replace(job, out=tmp_path / "t.csv")
    child = in_small_chunks(stopped, tmp_path / "pulse")
    while not list(predictions.work_folder(stopped.target).glob("*/00001.npy")):
        assert child.poll() is None, child.communicate()
        time.sleep(0.01)
    child.send_signal(number)
    out, err = child.communicate(timeout=240)
    assert not stopped.target.exists()
    assert "Traceback" not in err
    if number == signal.SIGTERM:
        assert child.returncode == 143
        assert "of 20 records are predicted and kept in" in out
    record = pulse.read(tmp_path / "pulse")
    assert 6 <= record.pulse.step <= 20  # the pulse of the eighth comes after its file
    assert record.pulse.total == 20
    assert {"data", "transfer", "infer", "write"} <= {phase.name for phase in record.phases}
    assert record.gauges["samples_per_s"] > 0
    monkeypatch.setattr(predictions, "CHUNK", 4)
    infer(stopped)
    assert "records are predicted already" in capsys.readouterr().out
    assert stopped.target.read_bytes() == whole
    assert not list(tmp_path.glob("t.csv.work"))
