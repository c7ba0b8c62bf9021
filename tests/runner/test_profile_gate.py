"""``profile --gate`` and ``profile --resume`` as commands: real files, rows as the measure job
leaves them, predictions that are given."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from runner import cli
from runner.profiling import predicting, store
from runner.profiling.configuration import Configuration, Matrix, parse
from runner.profiling.row import Row
from tests.runner import profiled

Profile = Callable[..., int]
TRAIN, INFER = "specproj/fp32/train/b1", "specproj/fp32/infer/b4"
HELD = profiled.row(TRAIN).tensors
PREDICTED = 1000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gate.json"


@pytest.fixture
def profile(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> Profile:
    def footprints(
        asked: Sequence[Configuration], casts: str, say: Callable[[str], None]
    ) -> dict[Configuration, Any]:
        return {one: {"steady": {"bytes": PREDICTED}} for one in asked}

    monkeypatch.setattr(predicting, "footprints", footprints)

    def command(*options: str) -> int:
        return cli.main(
            ["profile", "--runs-dir", str(tmp_path / "runs"), "--gate", str(file), *options]
        )

    return command


@pytest.fixture
def measured(tmp_path: Path) -> str:
    """A profile: one configuration measured, one out of memory, one without a row."""
    matrix = Matrix(("specproj",), (1, 4), ("fp32",), ("train", "infer"))
    found = store.begin(
        tmp_path / "runs", matrix, {"device": "cpu", "steps": 3, "warmup": 1, "machine": {}}
    )
    found.keep(profiled.row(f"{TRAIN}/w0"))
    found.keep(Row(parse(INFER), "oom.host.killed", "it held too much", run="r", seconds=2.0))
    return found.id


def write(file: Path, tolerance: float = 0.1, **held: Any) -> None:
    names = {"train": TRAIN, "infer": INFER, "other": "hgnet/fp32/train/b1"}
    configurations = {names[name]: numbers for name, numbers in held.items()}
    content = {"schema": 1, "tolerance": tolerance, "configurations": configurations}
    file.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("held", "status", "words"),
    [
        ({"train": {"measured": HELD}}, 0, "held"),
        ({"infer": {"measured": HELD}}, 3, "not measured: oom.host.killed"),
        ({"other": {"measured": HELD}}, 3, "not in the profile"),
        ({"other": {"measured": HELD, "predicted": PREDICTED}}, 3, "not in the profile"),
        ({"train": {"measured": 5}}, 3, "grown"),
    ],
)
def test_each_measured_baseline_is_answered_by_the_profile_or_closes_the_gate(
    held: dict[str, Any],
    status: int,
    words: str,
    profile: Profile,
    file: Path,
    measured: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(file, **held)
    assert profile("--of", measured) == status
    assert words in capsys.readouterr().out
    assert profile("--of", measured, "--json") == status
    *_, last = json.loads(capsys.readouterr().out)
    assert (last["now"] is None) == bool(last["why_not"]) == (words == last["why_not"])


@pytest.mark.parametrize(
    ("held", "options", "words"),
    [
        ({"train": {"measured": 5}}, (), "name a profile with --of"),
        ({"train": {"predicted": 5}}, ("--of", "last"), "holds no measured bytes"),
        ({"train": {"predicted_bytes": 5}}, (), f"{TRAIN}: unknown key 'predicted_bytes'"),
        ({"train": {"predicted_bytes": 5}}, ("--update",), f"{TRAIN}: unknown key"),
        ({"train": {}}, (), f"{TRAIN}: {{}}: expected predicted or measured bytes"),
    ],
)
def test_gate_that_would_compare_nothing_is_no_gate(
    held: dict[str, Any],
    options: tuple[str, ...],
    words: str,
    profile: Profile,
    file: Path,
    measured: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(file, **held)
    before = file.read_text()
    assert profile(*options) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert str(file) in said.err
    assert said.out == ""
    assert file.read_text() == before


def test_baseline_behind_a_link_is_updated_there_and_a_pipe_is_refused(
    profile: Profile, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.symlink_to("real.json")
    assert profile("--update") == 0
    assert file.is_symlink()
    assert json.loads((tmp_path / "real.json").read_text())["configurations"] == {TRAIN: NEW}
    file.unlink()
    os.mkfifo(file)
    assert profile("--update") == 2
    assert f"--gate {file}: is a pipe or a device; name a file" in capsys.readouterr().err
    assert file.is_fifo()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--models", "hgnet"), "--gate takes the file's own configurations"),
        (("--batch-sizes", "3"), "leave out the others"),
        (("--activation-checkpointing",), "--gate takes the file's own configurations"),
        (("--steps", "5"), "--steps: nothing is run with --gate"),
        (("--update", "--warmup", "0"), "--warmup: nothing is run with --gate"),
        (("--update", "--device", "cpu"), "--device: nothing is run with --gate"),
    ],
)
def test_option_that_the_gate_would_leave_out_of_account_is_refused(
    options: tuple[str, ...],
    words: str,
    profile: Profile,
    file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(file, **BOTH)
    before = file.read_text()
    assert profile(*options) == 2
    assert words in capsys.readouterr().err
    assert file.read_text() == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--models", "hgnet", "--batch-sizes", "3"), "--diff takes the configurations of both"),
        (("--workers", "0"), "--diff takes the configurations of both"),
        (("--run-too-large",), "--run-too-large: nothing is run with --diff"),
    ],
)
def test_option_that_a_difference_would_leave_out_of_account_is_refused(
    options: tuple[str, ...],
    words: str,
    tmp_path: Path,
    measured: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ("profile", "--runs-dir", str(tmp_path / "runs"), "--diff", "last", measured)
    assert cli.main(asked) == 0
    capsys.readouterr()
    assert cli.main([*asked, *options]) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert said.out == ""


BOTH = {"train": {"predicted": 5, "measured": 7}, "infer": {"predicted": 5, "measured": 7}}
NEW = {"predicted": PREDICTED}


@pytest.mark.parametrize(
    ("options", "tolerance", "expected"),
    [
        ((), 0.1, {TRAIN: NEW | {"measured": 7}, INFER: NEW | {"measured": 7}}),
        (("--tolerance", "0.5"), 0.5, {TRAIN: NEW | {"measured": 7}, INFER: NEW | {"measured": 7}}),
        (("--of", "last"), 0.1, {TRAIN: NEW | {"measured": HELD}, INFER: NEW | {"measured": 7}}),
        # The defaults, asked for by name, are asked for.
        (("--batch-sizes", "1"), 0.1, {TRAIN: NEW | {"measured": 7}}),
        (("--models", "hgnet"), 0.1, {"hgnet/fp32/train/b1": NEW}),
    ],
)
def test_baseline_is_updated_in_its_own_configurations_unless_others_are_asked_for(
    options: tuple[str, ...],
    tolerance: float,
    expected: dict[str, Any],
    profile: Profile,
    file: Path,
    measured: str,
) -> None:
    write(file, **BOTH)
    assert profile("--update", *options) == 0
    found = json.loads(file.read_text())
    assert found == {"schema": 1, "tolerance": tolerance, "configurations": expected}


def test_what_a_profile_did_not_measure_is_said_where_the_baseline_is_written(
    profile: Profile, file: Path, measured: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(file, **BOTH)
    assert profile("--update", "--of", "last") == 0
    assert f"{INFER}: not measured: oom.host.killed; measured bytes stay" in capsys.readouterr().out
    assert profile("--update", "--of", "last", "--models", "hgnet") == 0
    assert "not in the profile; none are written" in capsys.readouterr().out


def test_baseline_that_is_not_there_is_written_of_the_defaults(
    profile: Profile, file: Path
) -> None:
    assert profile("--update") == 0
    expected = {"schema": 1, "tolerance": 0.02, "configurations": {TRAIN: NEW}}
    assert json.loads(file.read_text()) == expected
    assert profile() == 0


@pytest.mark.parametrize(("limit", "is_anew"), [("160M", True), ("150M", False)])
def test_row_that_was_too_large_is_judged_in_the_room_of_the_resumed_profile(
    limit: str,
    is_anew: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    step = {"bytes": PREDICTED, "by_kind": {}}
    footprint = {"steady": step, "first": step, "base": 400 << 20}
    monkeypatch.setattr(predicting, "footprints", lambda asked, *_: dict.fromkeys(asked, footprint))
    options = ("profile", "--runs-dir", str(tmp_path), "--json")
    assert cli.main([*options, "--device", "cpu", "--max-host-memory", "150M"]) == 0
    capfd.readouterr()
    assert cli.main([*options, "--resume", "last", "--max-host-memory", limit]) == 0
    said = capfd.readouterr()
    [row] = json.loads(said.out)["rows"]
    assert (row["outcome"], f"--max-host-memory {limit}" in row["why"]) == ("skipped", True)
    assert ("1 of 1 configurations are done already" in said.err) is not is_anew


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--steps", "5"), "--steps 5: profile {id} has 3, which holds with --resume"),
        (("--warmup", "0"), "--warmup 0: profile {id} has 1"),
        (("--device", "cuda"), "--device cuda:0: profile {id} has cpu"),
    ],
)
def test_resumed_profile_refuses_what_its_rows_were_not_measured_with(
    options: tuple[str, ...],
    words: str,
    tmp_path: Path,
    measured: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    runs = tmp_path / "runs"
    before = sorted(runs.rglob("*"))
    assert cli.main(["profile", "--runs-dir", str(runs), "--resume", "last", *options]) == 2
    assert words.format(id=measured) in capsys.readouterr().err
    assert sorted(runs.rglob("*")) == before
