"""Training runs of a narrow network, in a process of their own or in this one, and their states."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from fwi import checkpoint
from fwi.checkpoint import LAST
from fwi.config import Train
from probes import pulse

ROOT = Path(__file__).resolve().parents[2]

EPOCHS, BATCHES, MOVES = 2, 6, 3
OPTIONS = ("--epochs", "2", "--batch-size", "2", "--accumulate", "2", "--device", "cpu",
           "--validation-fraction", "0.25")  # fmt: skip


class Job:
    """``python -m fwi train`` with a narrow network, its pulses recorded."""

    def __init__(self, data: Path, folder: Path, *options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.checkpoints = folder / "checkpoints"
        self._recorder = folder / f"pulse-{len(list(folder.iterdir()))}"
        pulse.create(self._recorder)
        self._child = subprocess.Popen(
            [sys.executable, "-m", "tests.fwi.train_narrow", "train", "--data", str(data),
             "--checkpoints", str(self.checkpoints), *OPTIONS, *options],
            env=os.environ
            | {"FWI_PULSE": str(self._recorder), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        self.out = self.err = ""

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def record(self) -> pulse.Record:
        return pulse.read(self._recorder)

    def wait_for_step(self, step: int) -> None:
        until = time.monotonic() + 60
        while self.record.pulse.step < step:
            assert time.monotonic() < until, "no such step was reached"
            assert self._child.poll() is None, self._child.communicate()
            time.sleep(0.002)

    def end(self) -> int:
        """The exit status, once it has ended by itself."""
        self.out, self.err = self._child.communicate(timeout=240)
        return self._child.returncode

    def kill(self) -> None:
        os.killpg(self.pid, signal.SIGKILL)
        assert self.end() == -signal.SIGKILL

    def epochs(self) -> list[str]:
        """The lines of the epochs, without the speed."""
        lines = [line for line in self.out.splitlines() if line.startswith("epoch")]
        return [re.sub(r"  \S+ samples/s", "", line) for line in lines]

    def last(self) -> checkpoint.State:
        return checkpoint.load(self.checkpoints / LAST)


def here(data: Path, folder: Path, **options: Any) -> Train:
    """The same job as above, for this process."""
    return Train(
        **{
            "data": data, "checkpoints": folder, "epochs": EPOCHS, "batch_size": 2,
            "accumulate": 2, "device": "cpu", "validation_fraction": 0.25, "workers": 0,
        } | options
    )  # fmt: skip


def same(one: Any, other: Any) -> bool:
    """Whether two states are equal, tensors bit for bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def differing(one: checkpoint.State, other: checkpoint.State) -> list[str]:
    parts = set(one) - {"config"}
    return sorted(part for part in parts if not same(one[part], other[part]))
