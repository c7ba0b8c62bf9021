"""What a fault needs of the machine, and why it is skipped where that is missing."""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import subprocess


@functools.cache
def missing(need: str) -> str | None:
    """Why ``need`` is not to be had here; None where it is."""
    return {
        "torch": _torch,
        "gloo": _gloo,
        "numpy": lambda: _module("numpy"),
        "compiler": _compiler,
        "time namespace": _time_namespace,
    }[need]()


def _module(name: str) -> str | None:
    return None if importlib.util.find_spec(name) else f"{name} is not installed"


def _torch() -> str | None:
    return _module("torch")


def _gloo() -> str | None:
    return _torch() or _module("torch.distributed")


def _compiler() -> str | None:
    return None if shutil.which("cc") else "no C compiler (cc) is installed"


def _time_namespace() -> str | None:
    if not shutil.which("unshare"):
        return "the unshare program is not installed"
    done = subprocess.run(
        ["unshare", "--time", "--monotonic", "1", "true"],
        env={"PATH": os.environ.get("PATH", os.defpath)},
        capture_output=True,
        text=True,
    )
    return None if done.returncode == 0 else f"no time namespace here: {done.stderr.strip()}"
