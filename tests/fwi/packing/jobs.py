"""Pack jobs as processes, and what they leave."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from fwi.config import Pack, to_argv
from tests.fwi.runs import ROOT


def digests(folder: Path) -> dict[str, str]:
    """Of all but what pack keeps for itself."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name[0] != "." and path.name != "pack.json"
    }


def start(job: Pack, before: str = "") -> subprocess.Popen[str]:
    program = "import sys; from fwi.__main__ import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.Popen(
        [sys.executable, "-c", before + program, "pack", *to_argv(job)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip


def ended(child: subprocess.Popen[str]) -> tuple[int, str]:
    out, err = child.communicate(timeout=280)
    assert "Traceback" not in err
    return child.returncode, out + err


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the awaited state never came"
        time.sleep(0.002)
