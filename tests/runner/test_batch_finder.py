"""``train --batch-size auto``: real processes, real networks, no device."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner import cli

pytestmark = pytest.mark.long

pytest.importorskip("torch")
np = pytest.importorskip("numpy")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve random samples in six files: nine to learn from, or so."""
    folder = tmp_path_factory.mktemp("random") / "FlatVel_A"
    random = np.random.default_rng(0)
    for name, shape, low, high in (
        ("data", (5, 1000, 70), -9, 9),
        ("model", (1, 70, 70), 1500, 4500),
    ):
        (folder / name).mkdir(parents=True)
        for n in range(1, 7):
            values = random.uniform(low, high, (2, *shape)).astype(np.float32)
            np.save(folder / name / f"{name}{n}.npy", values)
    return folder.parent


def train(runs: Path, data: Path, *options: str) -> int:
    return cli.main(
        ["train", "--runs-dir", str(runs), "--data", str(data), "--batch-size", "auto",
         "--device", "cpu", "--workers", "0", "--dryrun", *options]
    )  # fmt: skip


def test_training_has_exactly_the_batch_that_a_run_of_its_own_confirmed(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert train(tmp_path, data, "--json") == 0
    said = capfd.readouterr()
    result = json.loads(said.out.splitlines()[-1])
    found = result["found"]
    confirmed_by = tmp_path / found["confirmed_by"]
    [last] = tmp_path.glob("*-train-specproj-????")
    own = json.loads((last / "run.json").read_text())
    tried = json.loads((confirmed_by / "run.json").read_text())
    assert own["found"] == found
    assert own["asked"]["batch_size"] == tried["asked"]["batch_size"] == found["batch_size"] == 1
    assert tried["asked"]["dryrun_moves"] == 3
    assert "training samples, 8 moves an epoch" in found["bound"]
    assert found["peak"] <= 0.95 * found["room"]
    assert json.loads((confirmed_by / "attempt-1" / "result.json").read_text())["ok"]
    assert f"batch size 1, found: confirmed by run {confirmed_by.name}" in said.err


def test_where_not_one_sample_is_predicted_to_fit_nothing_is_run(
    data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path, data, "--max-host-memory", "300M", "--json") == 2
    out, said = capfd.readouterr()
    assert json.loads(out)["outcome"] == "error.usage"
    assert json.loads(out)["evidence"][0]["text"] in said
    assert "not one sample is predicted to fit" in said
    assert "--max-host-memory 300M" in said
    assert not list(tmp_path.glob("*-train-*"))


def test_data_that_cannot_be_trained_on_is_said_before_anything_is_predicted(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert train(tmp_path / "runs", tmp_path / "empty", "--json") == 3
    said = capfd.readouterr()
    assert "no files of any family" in said.err
    [line] = said.out.splitlines()
    told = json.loads(line)
    assert (told["outcome"], told["ok"], told["exit_status"]) == ("error.data", False, 3)
    assert "no files of any family" in told["evidence"][0]["text"]
    assert told["run"] is None


def test_wrong_option_beside_it_is_said(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path, data, "--epochs", "0") == 2
    said = capsys.readouterr().err
    assert "--epochs 0: expected a whole number from 1" in said
    assert "--batch-size" not in said
