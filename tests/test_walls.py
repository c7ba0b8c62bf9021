"""What importing costs: the walls between the packages, in a fresh process."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = "torch numpy numba timm pynvml"


@pytest.mark.parametrize(
    "module",
    ["runner.cli", "runner.supervisor", "fwi.config", "fwi.layout", "fwi.errors", "probes.pulse",
     "probes.tensors", "probes.allocator", "probes.host", "probes.stacks"],
)  # fmt: skip
def test_import_brings_nothing_heavy_and_starts_nothing(module: str) -> None:
    source = f"""
import importlib, os, sys, threading
before = set(os.listdir("/proc/self/fd"))
importlib.import_module({module!r})
print(*[name for name in {HEAVY.split()} if name in sys.modules])
print(threading.active_count(), len(set(os.listdir("/proc/self/fd")) - before))
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["", "1 0"]


def test_command_line_of_a_job_brings_no_other_command() -> None:
    source = """
import sys
from runner import cli
cli.parse(["exec", "--", "true"])
print(*sorted(name for name in sys.modules if name.startswith("runner.commands.")))
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        f"runner.commands.{name}" for name in ("execute", "supervised", "usage")
    ]


def test_importing_fwi_never_brings_the_runner() -> None:
    source = "import sys, fwi.training, fwi.synthesis; print('runner' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
