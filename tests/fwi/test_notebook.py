"""The exported notebook: complete by itself, run from top to bottom; no thread of it anywhere."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import jupytext
import nbclient
import nbformat
import numpy as np
import psutil
import pytest

from fwi._notebook_archive import archive
from fwi.config import Notebook, problems
from fwi.notebook import export, notebook, text_of
from runner import cli
from tests.fwi.trees import cubes

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def made() -> Any:
    return notebook()


@pytest.fixture(scope="module")
def unpacked(made: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the cell of the sources leaves."""
    folder = tmp_path_factory.mktemp("unpacked")
    done = run(sources_of(made), folder)
    assert done.returncode == 0, done.stderr
    return folder / "fwi_runner"


def sources_of(made: Any) -> str:
    """The code of the cell that holds the packages."""
    return str(next(cell.source for cell in made.cells if cell.id == "sources"))


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "cell.py").write_text(code)
    return subprocess.run(
        [sys.executable, "cell.py"], cwd=folder, capture_output=True, text=True, check=False
    )


def outputs(cell: Any) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


@pytest.mark.timeout(300)
def test_notebook_runs_from_top_to_bottom(
    made: Any, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "test").mkdir()
    for n in range(2):
        np.save(tmp_path / "test" / f"{n:010x}.npy", cubes(1, n)[0])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for name in ("PYTHONPATH", "FWI_RUNS_DIR", "FWI_DATA"):
        monkeypatch.delenv(name, raising=False)
    ran = nbformat.from_dict(made)
    given = f"""
        DATA, TEST, EPOCHS, BATCH_SIZE = {str(data)!r}, {str(tmp_path / "test")!r}, 1, 6
        TRAIN = ["--workers", "0", "--device", "cpu", "--flip", "0", "--ema", "0"]
        INFER = ["--workers", "0", "--device", "cpu", "--no-tta", "--batch-size", "2"]
    """
    # As papermill does: after the cell that is tagged for it.
    tags = [cell.metadata.get("tags", []) for cell in ran.cells]
    place = tags.index(["parameters"])
    lines = "\n".join(line.strip() for line in given.strip().splitlines())
    ran.cells.insert(place + 1, nbformat.v4.new_code_cell(lines))
    ran.cells.append(nbformat.v4.new_code_cell(
        "import fwi, runner as package\nprint(fwi.__file__, package.__file__)"
    ))  # fmt: skip
    commands = set(cli.COMMANDS)
    by_id = {cell.id: cell for cell in ran.cells}
    if "infer" not in commands:
        by_id["infer"].metadata["tags"] = ["skip-execution"]
    client = nbclient.NotebookClient(ran, timeout=280, resources={"metadata": {"path": tmp_path}})
    client.execute()

    assert "training on:" in outputs(by_id["data"])
    assert "epoch 1/1" in outputs(by_id["train"])
    shown = [output.data for output in by_id["report"].outputs if "data" in output]
    assert "# Run" in shown[0]["text/markdown"] or "ok" in shown[0]["text/markdown"]
    assert all(str(tmp_path / "fwi_runner") in path for path in outputs(ran.cells[-1]).split())
    if "infer" in commands:
        assert "140 rows, 2 records" in outputs(by_id["submit"])
        assert len((tmp_path / "submission.csv").read_text().splitlines()) == 141
    else:
        assert "no " in outputs(by_id["submit"])


def test_py_form_is_read_back_as_the_same_cells(made: Any) -> None:
    text = text_of(made, ".py")
    assert text.count("\n# %%") == len(made.cells)
    compile(text, "kaggle_notebook.py", "exec")
    again = jupytext.reads(text, fmt="py:percent")
    assert [(cell.cell_type, cell.source, cell.metadata) for cell in again.cells] == [
        (cell.cell_type, cell.source, cell.metadata) for cell in made.cells
    ]


def test_exported_file_is_the_same_each_time_and_small_enough_for_kaggle(
    made: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "kaggle_notebook.ipynb"
    export(Notebook(out=out))
    assert out.read_text() == text_of(made, ".ipynb")
    nbformat.validate(nbformat.read(out, as_version=4))
    assert out.stat().st_size < 1_000_000
    assert "16 cells" in capsys.readouterr().out
    assert os.listdir(tmp_path) == [out.name]


def test_compiled_code_of_this_machine_is_not_carried_along() -> None:
    with tarfile.open(fileobj=io.BytesIO(archive().content), mode="r:xz") as tar:
        names = tar.getnames()
    assert "fwi/_wave_numba.py" in names
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".nbc"))]


def test_cut_sources_are_refused_in_one_line(made: Any, tmp_path: Path) -> None:
    source = sources_of(made)
    at = len(source) // 2
    done = run(source[:at] + source[at + 4 :], tmp_path)
    assert done.returncode == 1
    assert done.stderr == "the cell of the sources was changed or cut: export the notebook again\n"
    assert not (tmp_path / "fwi_runner").exists()


def test_command_line_works_where_tyro_is_not_installed(unpacked: Path, tmp_path: Path) -> None:
    # -S: no installed package at all; psutil alone is put back.
    (tmp_path / "psutil").symlink_to(Path(psutil.__file__).parent)
    done = subprocess.run(
        [sys.executable, "-S", "-m", "runner", "--help"],
        env={"PYTHONPATH": f"{unpacked}:{unpacked / 'vendor'}:{tmp_path}"}, cwd=tmp_path,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "train" in done.stdout
    assert list((unpacked / "vendor").glob("tyro-*.dist-info/**/LICENSE*"))


@pytest.mark.parametrize(
    ("job", "named"),
    [
        (Notebook(out=Path("notebook.txt")), "a name that ends in .ipynb or .py"),
        (Notebook(out=Path("no/such/a.py")), "a folder that exists"),
        (Notebook(watch=True), "--watch: expected AUTOUPDATE=1"),
    ],
)
def test_wrong_options_are_refused_by_name(
    job: Notebook, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AUTOUPDATE", raising=False)
    assert any(named in line for line in problems(job))


# What watches, and what does not

_IMPORTS = """
import importlib, importlib.util, json, os, pkgutil, sys, threading

def descriptors():
    return {os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")
            if os.path.exists(f"/proc/self/fd/{n}")}

before = descriptors()
names = [module.name for package in map(importlib.import_module, ("fwi", "probes", "runner"))
         for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
         if not module.name.endswith("__main__")]
if importlib.util.find_spec("triton") is None:  # It comes with a torch for CUDA alone.
    names.remove("fwi._wave_triton")
for name in names:
    importlib.import_module(name)
print(json.dumps({"modules": len(names), "threads": [t.name for t in threading.enumerate()],
                  "opened": sorted(descriptors() - before),
                  "watches": "watchfiles" in sys.modules}))
"""


def test_importing_every_module_starts_no_thread_and_opens_no_file() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTS],
        env=os.environ | {"AUTOUPDATE": "1"}, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.pop("modules") > 150
    assert found == {"threads": ["MainThread"], "opened": [], "watches": False}


_PARENT = """
import subprocess, sys, time
command = [sys.executable, "-m", "runner", "notebook", "--watch", "--out", sys.argv[1]]
child = subprocess.Popen(command)
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.timeout(300)
def test_watching_follows_changes_holds_no_lock_and_ends_with_its_parent(
    unpacked: Path, tmp_path: Path
) -> None:
    out = tmp_path / "notebook.py"
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(out)],
        env=os.environ | {"PYTHONPATH": str(unpacked), "AUTOUPDATE": "1"},
        cwd=tmp_path, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert parent.stdout is not None
    try:
        watcher = int(parent.stdout.readline())
        for line in parent.stdout:
            if line.startswith("watching"):
                break
        before = out.read_text()
        time.sleep(0.2)
        (unpacked / "fwi" / "added.py").write_text("ADDED = 1\n")
        wait_until(lambda: out.read_text() != before)
        held = [line.split()[4] for line in Path("/proc/locks").read_text().splitlines()]
        assert str(watcher) not in held
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    wait_until(lambda: not Path(f"/proc/{watcher}").exists())


def wait_until(condition: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the awaited state never came"
        time.sleep(0.02)
