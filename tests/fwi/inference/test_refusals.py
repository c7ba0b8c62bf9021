"""What no submission can be made of is named, whoever is to blame."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fwi import config, predictions
from fwi.__main__ import main
from fwi.errors import DataError, DiskFullError, NonFiniteError, UsageError
from fwi.inference import infer
from tests.fwi.inference.asking import OIDS
from tests.fwi.trees import cubes

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.usefixtures("chunks_of_two")
@pytest.mark.parametrize("alone", [True, False])
def test_network_that_gives_nan_is_named_with_the_record(
    job: config.Infer, checkpoints: dict[str, Path], alone: bool
) -> None:
    """Also as the third of three, where the median would be a number."""
    nan = str(checkpoints["nan"])
    names = (nan,) if alone else (*map(str, (checkpoints["a"], checkpoints["b"])), nan)
    with pytest.raises(NonFiniteError) as refused:
        infer(dataclasses.replace(job, checkpoint=names))
    assert f"the prediction for {OIDS[0]} ({job.data / OIDS[0]}.npy)" in str(refused.value)
    assert f"in fp32, by specproj of {nan}" in str(refused.value)
    assert not job.target.exists()


def test_record_that_is_not_finite_is_not_held_against_the_network(
    job: config.Infer, records: Path, tmp_path: Path
) -> None:
    own = shutil.copytree(records, tmp_path / "records")
    broken = np.load(own / f"{OIDS[4]}.npy")
    broken[2, 3, 4] = np.nan
    np.save(own / f"{OIDS[4]}.npy", broken)
    with pytest.raises(DataError, match=rf"{OIDS[4]}\.npy: the record holds values"):
        infer(dataclasses.replace(job, data=own))


def test_cut_record_is_named(job: config.Infer, records: Path, tmp_path: Path) -> None:
    own = shutil.copytree(records, tmp_path / "records")
    path = own / f"{OIDS[2]}.npy"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=rf"{OIDS[2]}\.npy"):
        infer(dataclasses.replace(job, data=own))


def test_network_of_full_records_is_refused_those_of_a_re_pack(
    job: config.Infer, re_pack: Path
) -> None:
    with pytest.raises(DataError, match=r"a\.pt is specproj, which takes \(5, 1000, 70\)"):
        infer(dataclasses.replace(job, data=re_pack))


def test_folder_of_labelled_records_says_what_to_do_with_them(
    job: config.Infer, data: Path
) -> None:
    with pytest.raises(DataError, match="for the train and evaluate jobs"):
        infer(dataclasses.replace(job, data=data))


def test_records_of_two_shapes_are_named(job: config.Infer, records: Path, tmp_path: Path) -> None:
    own = shutil.copytree(records, tmp_path / "records")
    np.save(own / "ffffffffff.npy", cubes(1, 0, np.float16, (5, 72, 72))[0])
    with pytest.raises(DataError, match=r"ffffffffff\.npy: shape \(5, 72, 72\), expected"):
        infer(dataclasses.replace(job, data=own))


def test_folder_of_the_output_is_made_and_an_old_file_is_replaced(
    job: config.Infer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = dataclasses.replace(job, out=tmp_path / "new" / "folder" / "s.csv")
    infer(job)
    infer(job)
    assert "it is replaced when the new one is whole" in capsys.readouterr().out


def test_output_where_nothing_can_be_written_is_a_usage_error(
    job: config.Infer, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="name a file in a folder to write to"):
        infer(dataclasses.replace(job, out=tmp_path / "file" / "s.csv"))


def test_two_runs_do_not_write_the_same_file(job: config.Infer) -> None:
    with predictions.claimed(job.target), pytest.raises(UsageError, match="another run is writing"):
        infer(job)


def test_predictions_that_do_not_fit_the_disk_are_refused_before_the_first(
    job: config.Infer, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(job.data)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(DiskFullError, match="make room, or name a file on another disk"):
        infer(job)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"checkpoint": ()}, "--checkpoint: expected at least one"),
        ({"data": Path("/no/such")}, "--data /no/such: no such folder"),
        ({"out": Path("/tmp")}, "--out /tmp: a folder"),
        ({"out": Path("/dev/null")}, "--out /dev/null: a pipe or a device"),
        ({"out": Path("s.npy")}, "--format csv does not go with that ending"),
        ({"format": "npy", "out": Path("s.csv")}, "--format npy does not go with that ending"),
        ({"sample_submission": Path("no.csv")}, "--sample-submission no.csv: no such file"),
        ({"batch_size": 0}, "--batch-size 0: expected a whole number from 1"),
        ({"workers": -1}, "--workers -1: expected a whole number from 0"),
        ({"device": "tpu"}, "--device tpu: expected auto"),
        ({"model": "specproj", "encoder": "x"}, "--model specproj has no encoder"),
    ],
)  # fmt: skip
def test_options_that_cannot_be_are_refused(
    job: config.Infer, changes: dict[str, Any], said: str
) -> None:
    assert config.problems(dataclasses.replace(job, **changes | {"keep_predictions": True}))
    [problem] = config.problems(dataclasses.replace(job, **changes))
    assert said in problem


def test_sample_submission_is_not_overwritten(job: config.Infer) -> None:
    job.target.write_text("sample")
    [problem] = config.problems(dataclasses.replace(job, sample_submission=job.target))
    assert "this is the sample submission" in problem


def test_missing_checkpoint_ends_the_job_without_a_traceback(
    job: config.Infer, capfd: pytest.CaptureFixture[str]
) -> None:
    status = main(["infer", *config.to_argv(dataclasses.replace(job, checkpoint=("gone.pt",)))])
    said = capfd.readouterr().err
    assert status == 3
    assert "--checkpoint gone.pt: no such file" in said
    assert "Traceback" not in said
