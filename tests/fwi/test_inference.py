"""The infer job: records in, a submission out, whatever happens on the way."""

from __future__ import annotations

import csv
import dataclasses
import json
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
from fwi.__main__ import main
from fwi.errors import DataError, DiskFullError, NonFiniteError, UsageError
from fwi.inference import infer, question_of
from fwi.mirroring import mirrored
from fwi.models import build
from probes import pulse
from tests.fwi.runs import ROOT
from tests.fwi.trees import cubes
from tests.runner.conftest import environment

pytestmark = pytest.mark.usefixtures("one_thread")

RECORD = ROOT.parent / "shared" / "data" / "000039dca2.npy"
OIDS = [f"{n:010x}" for n in range(7, 13)]


def specproj() -> torch.nn.Module:
    return build("specproj", width=16, attention=1)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Networks that were not trained, as training leaves them; their heads differ from zero."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for seed, name in enumerate(("a", "b", "c", "nan")):
        torch.manual_seed(seed)
        weights = specproj().state_dict()
        weights["head.weight"] = torch.randn_like(weights["head.weight"])
        if name == "nan":
            weights["head.bias"] = weights["head.bias"] * torch.nan
        torch.save({"config": {"model": "specproj"}, "model": weights}, folder / f"{name}.pt")
    return {path.stem: path for path in folder.iterdir()}


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """SpecProj is built at width 16."""
    monkeypatch.setattr(
        "fwi.trained.build",
        lambda name, **options: specproj() if name == "specproj" else build(name, **options),
    )


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six records of noise."""
    folder = tmp_path_factory.mktemp("records")
    for n, oid in enumerate(OIDS):
        np.save(folder / f"{oid}.npy", cubes(1, n, np.float16)[0])
    return folder


@pytest.fixture(scope="module")
def hgnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of an HGNet as they are published."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("published") / "hgnet.pt"
    torch.save(build("hgnet", encoder="hgnetv2_b0").state_dict(), path)
    return path


@pytest.fixture
def chunks_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "CHUNK", 2)


@pytest.fixture
def job(checkpoints: dict[str, Path], records: Path, tmp_path: Path) -> config.Infer:
    return asked(checkpoints["a"], data=records, out=tmp_path / "s.csv")


def asked(*paths: Path, **options: Any) -> config.Infer:
    defaults = {"device": "cpu", "workers": 0, "batch_size": 3}
    return config.Infer(checkpoint=tuple(map(str, paths)), **defaults | options)


def by_hand(path: Path, records: Path, *, tta: bool = True) -> np.ndarray:
    """What a checkpoint predicts for the six records, (6, 70, 70) m/s."""
    network = specproj().eval()
    network.load_state_dict(torch.load(path, weights_only=True)["model"])
    cube = torch.from_numpy(np.stack([np.load(records / f"{oid}.npy") for oid in OIDS]))
    with torch.no_grad():
        found = network(cube)
        if tta:
            found = (found + network(mirrored(cube)).flip(3)) / 2
    return found[:, 0].numpy()


def table(path: Path) -> dict[str, list[float]]:
    """Rows by id, in the file's order."""
    with open(path, newline="") as file:
        _, *rows = csv.reader(file)
    return {name: [float(cell) for cell in cells] for name, *cells in rows}


def require_rows(path: Path, maps: np.ndarray, within: float) -> None:
    found = table(path)
    assert list(found) == [f"{oid}_y_{y}" for oid in OIDS for y in range(70)]
    expected = maps[:, :, 1::2].reshape(-1, 35)
    np.testing.assert_allclose(list(found.values()), expected, atol=within, rtol=0)


def test_submission_holds_what_the_network_predicts(
    job: config.Infer, checkpoints: dict[str, Path], records: Path
) -> None:
    infer(job)
    maps = by_hand(checkpoints["a"], records).clip(1500, 4500)
    require_rows(job.target, maps, within=0.051)
    assert os.listdir(job.target.parent) == ["s.csv"]
    infer(dataclasses.replace(job, round=True))
    require_rows(job.target, np.rint(maps), within=0.0)


@pytest.mark.parametrize(("tta", "clip"), [(False, True), (True, False)])
def test_mirrored_record_and_range_are_left_out_when_asked(
    job: config.Infer, checkpoints: dict[str, Path], records: Path, tta: bool, clip: bool
) -> None:
    infer(dataclasses.replace(job, tta=tta, clip=clip))
    maps = by_hand(checkpoints["a"], records, tta=tta)
    require_rows(job.target, maps.clip(1500, 4500) if clip else maps, within=0.051)


@pytest.mark.parametrize("how", ["mean", "median"])
def test_several_networks_become_one_map(
    job: config.Infer, checkpoints: dict[str, Path], records: Path, how: Any
) -> None:
    names = [str(checkpoints[name]) for name in "abc"]
    infer(dataclasses.replace(job, checkpoint=tuple(names), combine=how))
    each = np.stack([by_hand(checkpoints[name], records) for name in "abc"])
    combined = each.mean(0) if how == "mean" else np.median(each, 0)
    require_rows(job.target, combined.clip(1500, 4500), within=0.051)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_median_is_numpys_for_any_number_of_networks(count: int) -> None:
    maps = torch.randn(count, 2, 70, 70)
    found = ensemble.combine(maps, "median")
    np.testing.assert_allclose(found.numpy(), np.median(maps.numpy(), 0), atol=1e-6)


class _Leftmost(torch.nn.Module):
    """Says of each cell what the first sample at its receiver is, in the first source's gather."""

    def forward(self, cube: torch.Tensor) -> torch.Tensor:
        return cube[:, :1, :1, :].float().expand(-1, 1, 70, 70)


def test_network_without_a_flip_of_its_own_is_asked_about_the_mirrored_record() -> None:
    cube = torch.randn(2, 5, 1000, 70)
    member = ensemble.Member(_Leftmost(), "specproj", None, "fp32", "", "", tta=True)
    [found] = ensemble.predict([member], cube)
    expected = (cube[:, 0, 0] + cube[:, 4, 0]) / 2
    torch.testing.assert_close(found[:, 5], expected)
    [alone] = ensemble.predict([dataclasses.replace(member, tta=False)], cube)
    torch.testing.assert_close(alone[:, 5], cube[:, 0, 0])


def test_array_holds_all_cells(
    job: config.Infer, checkpoints: dict[str, Path], records: Path
) -> None:
    infer(dataclasses.replace(job, out=job.target.with_name("p.npy"), format="npy", clip=False))
    found = np.load(job.target.with_name("p.npy"))
    np.testing.assert_allclose(found[:, 0], by_hand(checkpoints["a"], records), atol=0.02)
    assert job.target.with_name("p.oids.txt").read_text().split() == OIDS


def test_rows_come_in_the_order_of_the_sample_submission(job: config.Infer, tmp_path: Path) -> None:
    infer(job)
    sorted_by_oid = table(job.target)
    lines = job.target.read_text().splitlines()
    order = [4, 1, 0, 5, 2, 3]
    shuffled = [lines[0], *(line for n in order for line in lines[1 + 70 * n : 71 + 70 * n])]
    (tmp_path / "sample.csv").write_text("\n".join(shuffled))
    infer(dataclasses.replace(job, sample_submission=tmp_path / "sample.csv"))
    assert list(table(job.target)) == [line.split(",")[0] for line in shuffled[1:]]
    assert table(job.target) == sorted_by_oid


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
        [sys.executable, "-m", "tests.fwi.infer_in_small_chunks", "infer", *config.to_argv(job)],
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
    out, err = child.communicate(timeout=60)
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


@pytest.fixture
def re_pack(tmp_path: Path) -> Path:
    folder = tmp_path / "re-pack"
    folder.mkdir()
    for n, oid in enumerate(OIDS):
        np.save(folder / f"{oid}.npy", cubes(1, n, np.float16, (5, 72, 72))[0])
    return folder


@pytest.mark.parametrize("tta", [True, False])
def test_published_network_predicts_from_a_re_pack_with_its_own_flip_or_none(
    job: config.Infer, hgnet: Path, re_pack: Path, tta: bool
) -> None:
    asked_of_hgnet = dataclasses.replace(
        job, checkpoint=(str(hgnet),), model="hgnet", encoder="hgnetv2_b0", data=re_pack, tta=tta
    )
    infer(asked_of_hgnet)
    network = build("hgnet", encoder="hgnetv2_b0", flip_average=tta).eval()
    network.load_state_dict(torch.load(hgnet, weights_only=True))
    cube = torch.from_numpy(np.stack([np.load(re_pack / f"{oid}.npy") for oid in OIDS]))
    with torch.no_grad():
        maps = network(cube)[:, 0].numpy()
    require_rows(job.target, maps.clip(1500, 4500), within=0.051)


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


@pytest.mark.skipif(not RECORD.is_file(), reason=f"the real record is not at {RECORD}")
def test_real_record_becomes_a_submission_under_the_runner(hgnet: Path, tmp_path: Path) -> None:
    """By the newest run's checkpoint, in the order of a sample submission."""
    (tmp_path / "test").mkdir()
    shutil.copy(RECORD, tmp_path / "test")
    run = tmp_path / "runs" / "20260101-000000-train-hgnet-0a0b" / "checkpoints"
    run.mkdir(parents=True)
    said = {"model": "hgnet", "encoder": "hgnetv2_b0"}
    weights = torch.load(hgnet, weights_only=True)
    torch.save({"config": said, "model": weights}, run / "best.pt")
    rows = "".join(f"000039dca2_y_{y}" + ",3000.0" * 35 + "\n" for y in range(70))
    columns = ",".join(f"x_{x}" for x in range(1, 70, 2))
    (tmp_path / "sample.csv").write_text(f"oid_ypos,{columns}\n{rows}")
    done = subprocess.run(
        [sys.executable, "-m", "runner", "infer", "--checkpoint", "last",
         "--data", str(tmp_path), "--out", str(tmp_path / "s.csv"), "--device", "cpu", "--json",
         "--sample-submission", str(tmp_path / "sample.csv"), "--workers", "1"],
        env=environment(tmp_path / "runs") | {"OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["job"], result["outcome"]) == ("infer", "ok")
    found = table(tmp_path / "s.csv")
    assert list(found) == [f"000039dca2_y_{y}" for y in range(70)]
    assert np.array(list(found.values())).shape == (70, 35)
    assert all(1500 <= cell <= 4500 for row in found.values() for cell in row)
