"""The command line of the bare jobs."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fwi import config
from fwi.__main__ import main, parse
from fwi.config import Evaluate, Infer, Synth, Train, to_argv
from fwi.layout import FAMILIES
from probes import pulse

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
_PATHS = _TEXT.filter(lambda s: s != "None").map(Path)
_NUMBERS = st.floats(0, 1e6)
_FAMILIES = st.lists(st.sampled_from(FAMILIES), min_size=1, max_size=4).map(tuple)

_OF_TYPE: dict[str, st.SearchStrategy[Any]] = {
    "Path": _PATHS,
    "Path | None": st.none() | _PATHS,
    "str": _TEXT,
    "str | None": st.none() | _TEXT.filter(lambda s: s != "None"),
    "int": st.integers(0, 2**40),
    "BatchSize": st.integers(0, 2**40),
    "float": _NUMBERS,
    "bool": st.booleans(),
    "tuple[Family, ...]": _FAMILIES,
    "tuple[str, ...]": st.lists(
        _TEXT.filter(lambda s: not s.startswith("-")), min_size=1, max_size=3
    ).map(tuple),
    "int | None": st.none() | st.integers(0, 2**40),
    "float | None": st.none() | _NUMBERS,
    "Model": st.sampled_from(get_args(config.Model)),
    "Model | None": st.none() | st.sampled_from(get_args(config.Model)),
    "Part": st.sampled_from(["validation", "train", "all", "test"]),
    "Combine": st.sampled_from(["median", "mean"]),
    "Dtype": st.sampled_from(["auto", "fp16", "bf16", "fp32"]),
    "Split": st.sampled_from(["auto", "official", "folds", "random"]),
    "Sharing": st.sampled_from(["auto", "file_descriptor", "file_system"]),
    "Literal[0, 1] | None": st.sampled_from([None, 0, 1]),
    "Literal['float32', 'float16']": st.sampled_from(["float32", "float16"]),
    "Literal['csv', 'npy']": st.sampled_from(["csv", "npy"]),
    "Literal['median', 'mean']": st.sampled_from(["median", "mean"]),
}


def _jobs(kind: type[config.Job]) -> st.SearchStrategy[config.Job]:
    # An option with a second name has its type inside of Annotated.
    bare = {f.name: re.sub(r"^Annotated\[(.*), arg\(.*", r"\1", str(f.type)) for f in fields(kind)}
    options = {name: _OF_TYPE[kind_of] for name, kind_of in bare.items()}
    return st.builds(kind, **options)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(_jobs(Train), _jobs(Synth), _jobs(Infer), _jobs(Evaluate)))
def test_job_written_as_arguments_is_read_as_the_same_job(job: config.Job) -> None:
    assert parse([config.job_name(job), *to_argv(job)]) == job


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        ("", {}),
        ("--families FlatVel_A Style_B", {"families": ("FlatVel_A", "Style_B")}),
        ("--fp16 1", {"fp16": 1}),
        ("--compile --no-empty-cache", {"compile": True, "empty_cache": False}),
        ("--batch-size 4 --checkpoint-every 3", {"batch_size": 4, "checkpoint_every": 3}),
        ("--resume last --lr 1e-4", {"resume": "last", "lr": 1e-4}),
        ("--precision bf16 --init-from a.pt", {"dtype": "bf16", "weights": Path("a.pt")}),
        ("--dtype bf16 --weights a.pt", {"dtype": "bf16", "weights": Path("a.pt")}),
    ],
)
def test_options_as_a_person_writes_them(line: str, changes: dict[str, Any]) -> None:
    assert parse(["train", *line.split()]) == Train(**changes)


def python(source: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", source, *arguments],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=Path(__file__).parents[2],
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("train --batch-size 0", "--batch-size 0: expected a whole number from 1"),
        ("train --dtype fp64", "fp64"),
        ("train --device gpu", "--device gpu: expected auto, cpu, cuda or cuda:N"),
        ("train --fp16 1 --dtype bf16", "contradict each other"),
        ("train --data /no/such/folder", "/no/such/folder: no such folder"),
        ("train --learning-rate 3", "learning-rate"),
        ("train --lr 0", "--lr 0.0: expected a number above 0"),
        ("synth --samples 0", "--samples 0: expected a whole number from 1"),
        ("pack", "pack"),
        ("", "train"),
    ],
)
def test_wrong_options_end_with_status_2_and_words_before_torch_is_imported(
    line: str, words: str
) -> None:
    source = """
import sys
from fwi.__main__ import main
try:
    status = main(sys.argv[1:])
finally:
    print([name for name in ("torch", "numpy", "numba") if name in sys.modules])
sys.exit(status)
"""
    done = python(source, *line.split())
    assert done.returncode == 2
    assert done.stdout == "[]\n"
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("job", sorted(config.JOBS))
def test_help_shows_every_option(job: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse([job, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    by_place = config.positional(config.JOBS[job])
    for field in fields(config.JOBS[job]):
        option = "--" + field.name.replace("_", "-")
        assert (field.name.upper() if field.name in by_place else option) in shown


def test_bad_input_is_named_in_the_recorder_and_on_stderr_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pulse.detach()
    recorder = tmp_path / "pulse"
    pulse.create(recorder)
    monkeypatch.setenv(pulse.ENVIRONMENT, str(recorder))
    try:
        assert main(["train", "--data", str(tmp_path), "--device", "cpu"]) == 3
    finally:
        pulse.detach()
    failure = pulse.read(recorder).failure
    assert failure is not None
    assert failure[0] == "error.data"
    said = capsys.readouterr().err
    assert said.startswith("python -m fwi train: ")
    assert failure[1] in said


def test_device_that_is_not_there_is_fault_driver(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--device", "cuda:77"]) == 3
    assert "--device cuda:77" in capsys.readouterr().err


def test_synth_makes_a_set_and_a_program_error_keeps_its_traceback(tmp_path: Path) -> None:
    out = tmp_path / "set"
    done = python(
        "import sys; from fwi.__main__ import main; sys.exit(main(sys.argv[1:]))",
        "synth", "--families", "FlatVel_A", "--samples", "2", "--out", str(out),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (out / "FlatVel_A" / "data" / "data1.npy").exists()
    broken = python(
        "import sys, fwi.synthesis as s; s.synthesise = lambda job: 1 / 0\n"
        "from fwi.__main__ import main; sys.exit(main(['synth', '--samples', '1']))"
    )
    assert broken.returncode == 1
    assert "ZeroDivisionError" in broken.stderr
