"""timm's import beside a torchvision that fits, one that does not, and none: fresh processes each.

The two torchvisions are the installed package itself, file by file, once without its compiled
library (what a torchvision built for another torch amounts to) and once with its two operators
registered before the rest is imported (what a fitting one does).
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]

ENCODERS_RUN = """
    import torch
    for name in ("hgnetv2_b0", "convnext_atto"):
        network = timm.create_model(name, features_only=True, in_chans=5)
        with torch.no_grad():
            assert len(network(torch.zeros(2, 5, 72, 72))) == 4
    print("encoders run")
"""

FITTING_OPERATORS = """
    import torch

    _library = torch.library.Library("torchvision", "DEF")
    for _name in ("nms", "qnms"):
        _library.define(_name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _library.impl(_name, lambda dets, scores, iou: scores.argsort(descending=True)[:1], "CPU")

    def _has_ops():
        return False  # spares this stand-in the dozen other operators that import does not need

    def _assert_has_ops():
        pass

    def _load_library(name):
        return False
"""


def python(source: str, *first: Path) -> subprocess.CompletedProcess[str]:
    """Run ``source`` in a fresh process that finds the packages in ``first`` before any other."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (*first, ROOT)))},
        capture_output=True,
        text=True,
        timeout=280,
    )


def installed_torchvision_without(folder: Path, *left_out: str) -> Path:
    spec = importlib.util.find_spec("torchvision")
    assert spec is not None
    assert spec.origin is not None
    package = folder / "torchvision"
    package.mkdir(parents=True)
    for item in Path(spec.origin).parent.iterdir():
        if item.name != "__pycache__" and not item.name.startswith(left_out):
            (package / item.name).symlink_to(item)
    return package


def package(folder: Path, name: str, source: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text(textwrap.dedent(source), encoding="utf-8")


@pytest.fixture
def unfit(tmp_path: Path) -> Path:
    installed_torchvision_without(tmp_path / "unfit", "_C")
    return tmp_path / "unfit"


@pytest.fixture
def fitting(tmp_path: Path) -> Path:
    package = installed_torchvision_without(tmp_path / "fitting", "_C", "extension.py")
    (package / "extension.py").write_text(textwrap.dedent(FITTING_OPERATORS), encoding="utf-8")
    return tmp_path / "fitting"


def test_encoders_run_beside_an_unfit_torchvision_even_after_a_failed_import(unfit: Path) -> None:
    source = """
        try:
            import timm
        except RuntimeError as error:
            print("failed first:", error)
        from fwi.torchvision_fit import import_timm
        timm = import_timm()
        assert import_timm() is timm
        import torch, torchvision
        try:
            torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
        except RuntimeError as error:
            print("nms says:", error)
    """
    done = python(textwrap.dedent(source) + textwrap.dedent(ENCODERS_RUN), unfit)
    assert done.returncode == 0, done.stderr
    assert "failed first: operator torchvision::nms does not exist" in done.stdout
    assert "nms says: Couldn't load custom C++ ops" in done.stdout
    assert "encoders run" in done.stdout


def test_encoders_run_beside_a_fitting_torchvision_which_is_left_alone(fitting: Path) -> None:
    source = """
        import torch
        from fwi.torchvision_fit import import_timm

        def refuse(*arguments, **options):
            raise AssertionError("a fitting torchvision was touched")
        torch.library.define = refuse
        timm = import_timm()
        import torchvision
        kept = torchvision.ops.nms(torch.zeros(3, 4), torch.tensor([0.1, 0.9, 0.2]), 0.5)
        print("kept", kept.tolist())
    """
    done = python(textwrap.dedent(source) + textwrap.dedent(ENCODERS_RUN), fitting)
    assert done.returncode == 0, done.stderr
    assert "kept [1]" in done.stdout
    assert "encoders run" in done.stdout


def test_encoders_run_beside_the_torchvision_that_is_installed() -> None:
    source = "from fwi.torchvision_fit import import_timm\ntimm = import_timm()\n"
    done = python(source + textwrap.dedent(ENCODERS_RUN))
    assert done.returncode == 0, done.stderr


def test_threads_that_ask_together_get_the_same_timm(unfit: Path) -> None:
    package(unfit, "timm", "import torchvision.ops")
    source = """
        from concurrent.futures import ThreadPoolExecutor
        from fwi.torchvision_fit import import_timm
        with ThreadPoolExecutor(8) as pool:
            found = [pool.submit(import_timm) for _ in range(8)]
        assert len({id(future.result()) for future in found}) == 1
    """
    done = python(source, unfit)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("missing", ["torchvision", "timm"])
def test_missing_package_is_a_dependency_error_that_says_what_to_install(missing: str) -> None:
    source = f"""
        import sys
        class Absent:
            def find_spec(self, name, path=None, target=None):
                if name == {missing!r}:
                    raise ModuleNotFoundError("No module named " + repr(name), name=name)
        sys.meta_path.insert(0, Absent())
        from fwi.errors import DependencyError
        from fwi.torchvision_fit import import_timm
        try:
            import_timm()
        except DependencyError as error:
            print(error)
    """
    done = python(source)
    assert done.returncode == 0, done.stderr
    assert f"{missing} is not installed" in done.stdout
    assert f"pip install {missing}" in done.stdout


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import no_such_codec", "ModuleNotFoundError: No module named 'no_such_codec'"),
        ("raise RuntimeError('compiled with another CUDA')", "RuntimeError: compiled with another"),
        ("raise ImportError('libjpeg.so: not found')", "ImportError: libjpeg.so: not found"),
    ],
)
def test_any_other_failure_of_torchvision_is_handed_on_unchanged(
    tmp_path: Path, source: str, expected: str
) -> None:
    package(tmp_path, "torchvision", source)
    done = python("from fwi.torchvision_fit import import_timm; import_timm()", tmp_path)
    assert done.returncode != 0
    assert expected in done.stderr.splitlines()[-1]


def test_torchvision_that_still_misses_an_operator_is_a_dependency_error(tmp_path: Path) -> None:
    package(
        tmp_path,
        "torchvision",
        """
        import sys
        tries = sys.__dict__.setdefault("tries", [])
        tries.append(1)
        raise RuntimeError(f"operator torchvision::op{len(tries)} does not exist")
        """,
    )
    done = python("from fwi.torchvision_fit import import_timm; import_timm()", tmp_path)
    assert "DependencyError: torchvision does not fit torch" in done.stderr.splitlines()[-1]
    assert "op1" in done.stderr.splitlines()[-1]
    assert "op2" in done.stderr.splitlines()[-1]
