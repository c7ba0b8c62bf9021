"""The synth job against the folder it leaves behind, however it ended."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fwi import geology, synthesis, wave
from fwi.config import Synth, to_argv
from fwi.errors import UsageError
from fwi.synthesis import DiskFullError, synthesise

PROGRAM = """
import sys, tyro
from fwi.config import Synth
from fwi.synthesis import synthesise
synthesise(tyro.cli(Synth))
"""


def job(out: Path, **changes: object) -> Synth:
    small = Synth(families=("FlatVel_A", "CurveFault_B"), samples=3, samples_per_file=2, out=out)
    return dataclasses.replace(small, **changes)  # type: ignore[arg-type]


LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (5 * 2**20, 5 * 2**20))
"""


def start(asked: Synth, before: str = "") -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", before + PROGRAM, *to_argv(asked)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the awaited state never came"
        time.sleep(0.005)


def load(path: Path) -> np.ndarray:
    return np.load(path, allow_pickle=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made")
    synthesise(job(out))
    return out


def test_files_have_openfwis_names_shapes_and_types(made: Path) -> None:
    assert set(digests(made)) == {
        ".synth.lock",
        "synth.json",
        "FlatVel_A/data/data1.npy",
        "FlatVel_A/data/data2.npy",
        "FlatVel_A/model/model1.npy",
        "FlatVel_A/model/model2.npy",
        "CurveFault_B/seis6_1_0.npy",
        "CurveFault_B/seis6_1_1.npy",
        "CurveFault_B/vel6_1_0.npy",
        "CurveFault_B/vel6_1_1.npy",
    }
    seismic, velocity = (
        load(made / "FlatVel_A/data/data1.npy"),
        load(made / "FlatVel_A/model/model1.npy"),
    )
    assert (seismic.shape, seismic.dtype) == ((2, 5, 1000, 70), np.float32)
    assert (velocity.shape, velocity.dtype) == ((2, 1, 70, 70), np.float32)


def test_last_file_of_a_family_holds_the_rest(made: Path) -> None:
    assert load(made / "CurveFault_B/seis6_1_1.npy").shape == (1, 5, 1000, 70)
    assert load(made / "CurveFault_B/vel6_1_1.npy").shape == (1, 1, 70, 70)


def test_gathers_are_those_of_the_velocities_beside_them(made: Path) -> None:
    maps = geology.velocity_maps("CurveFault_B", 3, seed=0)
    assert np.array_equal(load(made / "CurveFault_B/vel6_1_1.npy")[:, 0], maps[2:])
    assert np.array_equal(load(made / "CurveFault_B/seis6_1_1.npy"), wave.simulate(maps[2:]))


def test_float16_holds_the_float32_gathers_rounded_and_velocities_in_float32(
    made: Path, tmp_path: Path
) -> None:
    synthesise(job(tmp_path, dtype="float16"))
    half = load(tmp_path / "FlatVel_A/data/data1.npy")
    assert half.dtype == np.float16
    full = load(made / "FlatVel_A/data/data1.npy")
    assert np.array_equal(half, full.astype(np.float16))
    assert load(tmp_path / "FlatVel_A/model/model1.npy").dtype == np.float32


def test_samples_do_not_depend_on_how_many_a_file_holds(made: Path, tmp_path: Path) -> None:
    synthesise(job(tmp_path, families=("FlatVel_A",), samples_per_file=500))
    one = load(tmp_path / "FlatVel_A/data/data1.npy")
    two = [load(made / f"FlatVel_A/data/data{i}.npy") for i in (1, 2)]
    assert np.array_equal(one, np.concatenate(two))


def test_second_run_makes_nothing(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    times = {path: path.stat().st_mtime_ns for path in made.rglob("*.npy")}
    synthesise(job(made))
    assert times == {path: path.stat().st_mtime_ns for path in made.rglob("*.npy")}
    assert "nothing to make: all 8 files" in capsys.readouterr().out


def test_one_line_at_the_end_says_what_was_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    synthesise(job(tmp_path, samples=2))
    said = capsys.readouterr()
    assert said.out.startswith("made 4 maps in 4 files")
    assert "maps/h" in said.out
    assert str(tmp_path) in said.out
    assert "simulated 4 of 4 maps" in said.err


@pytest.mark.parametrize("lost", ["data/data1.npy", "model/model1.npy"])
def test_half_a_pair_is_made_again(made: Path, tmp_path: Path, lost: str) -> None:
    asked = job(tmp_path, families=("FlatVel_A",))
    synthesise(asked)
    (tmp_path / "FlatVel_A" / lost).unlink()
    synthesise(asked)
    whole = digests(made)
    assert digests(tmp_path)[f"FlatVel_A/{lost}"] == whole[f"FlatVel_A/{lost}"]


def test_truncated_file_is_made_again(made: Path, tmp_path: Path) -> None:
    asked = job(tmp_path, families=("FlatVel_A",))
    synthesise(asked)
    with open(tmp_path / "FlatVel_A/data/data2.npy", "r+b") as file:
        file.truncate(100_000)
    synthesise(asked)
    name = "FlatVel_A/data/data2.npy"
    assert digests(tmp_path)[name] == digests(made)[name]


def test_more_samples_extend_the_last_file_and_fewer_keep_it(made: Path, tmp_path: Path) -> None:
    longer = job(tmp_path, families=("FlatVel_A",), samples=4)
    synthesise(dataclasses.replace(longer, samples=3))
    synthesise(longer)
    assert load(tmp_path / "FlatVel_A/data/data2.npy").shape[0] == 2
    synthesise(dataclasses.replace(longer, samples=3))
    assert load(tmp_path / "FlatVel_A/data/data2.npy").shape[0] == 2


def test_run_killed_in_mid_file_leaves_no_half_file_and_is_continued(tmp_path: Path) -> None:
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    asked = job(killed, families=("FlatVel_B",), samples=20, samples_per_file=16, threads=1)
    process = start(asked)
    folder = killed / "FlatVel_B" / "data"
    wait_until(lambda: any(f.stat().st_size > 10 * 2**20 for f in folder.glob(".data1*.tmp")))
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert process.stderr is not None
    process.stderr.close()
    assert not (folder / "data1.npy").exists()
    assert list(folder.glob("*.tmp"))

    synthesise(dataclasses.replace(asked, threads=0))
    synthesise(dataclasses.replace(asked, threads=0, out=undisturbed))
    assert digests(killed) == digests(undisturbed)


def test_two_processes_at_once_leave_what_one_would(made: Path, tmp_path: Path) -> None:
    both = [start(job(tmp_path)) for _ in range(2)]
    for process in both:
        _, errors = process.communicate(timeout=280)
        assert process.returncode == 0, errors.decode()
    assert digests(tmp_path) == digests(made)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 1}, "--seed 0 there, 1 now"),
        ({"samples_per_file": 3}, "--samples-per-file 2 there, 3 now"),
        ({"dtype": "float16"}, "--dtype float32 there, float16 now"),
    ],
)
def test_another_recipe_in_the_same_folder_is_refused(
    made: Path, change: dict[str, object], named: str
) -> None:
    before = digests(made)
    with pytest.raises(UsageError, match=named) as refused:
        synthesise(job(made, **change))
    assert "Name a new folder with --out" in str(refused.value)
    assert digests(made) == before


def test_files_of_another_solver_are_refused(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wave, "SOLVER_VERSION", 99)
    with pytest.raises(UsageError, match="solver version 1 there, 99 now"):
        synthesise(job(made))


def test_files_that_synth_did_not_make_are_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / "FlatVel_A/model/model2.npy"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"recorded")
    with pytest.raises(UsageError, match=r"model2\.npy is there"):
        synthesise(job(tmp_path))
    assert theirs.read_bytes() == b"recorded"
    assert not (tmp_path / "synth.json").exists()


def test_recipe_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "synth.json").write_text("{")
    with pytest.raises(UsageError, match=r"synth\.json is not JSON"):
        synthesise(job(tmp_path))


def test_recipe_names_seed_division_type_and_versions(made: Path) -> None:
    assert json.loads((made / "synth.json").read_text()) == {
        "seed": 0,
        "samples_per_file": 2,
        "dtype": "float32",
        "solver_version": wave.SOLVER_VERSION,
        "geology_version": geology.GEOLOGY_VERSION,
    }


def test_out_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(UsageError, match="cannot be written to"):
        synthesise(job(tmp_path / "out"))


def test_wrong_options_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--samples 0"):
        synthesise(job(tmp_path, samples=0))


def test_set_larger_than_the_disk_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(DiskFullError, match=r"GiB are to be written and .* GiB are free"):
        synthesise(job(tmp_path, samples=10**9, samples_per_file=10**8))
    assert not list(tmp_path.rglob("*.npy"))
    assert DiskFullError.outcome == "error.disk"


def test_write_refused_in_mid_file_is_explained_and_leaves_no_half_file(tmp_path: Path) -> None:
    asked = job(tmp_path, families=("Style_B",), samples=6, samples_per_file=6)
    process = start(asked, LIMITED)
    _, errors = process.communicate(timeout=280)
    assert process.returncode == 1
    assert "DiskFullError" in errors.decode()
    assert "Style_B/data/data1.npy: [Errno 27] File too large" in errors.decode()
    assert "give the same command again" in errors.decode()
    assert not list(tmp_path.rglob("*.tmp"))


def test_memory_does_not_grow_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []
    simulate = wave.simulate

    def watched(velocity: np.ndarray, **options: object) -> np.ndarray:
        held.append(len(velocity))
        return simulate(velocity, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(synthesis.wave, "simulate", watched)
    synthesise(job(tmp_path, families=("FlatVel_A",), samples=20, samples_per_file=20, threads=2))
    assert sum(held) == 20
    assert max(held) <= 8
