"""A job in several processes: how the launcher is called that starts them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from fwi import config

_THREADS = "OMP_NUM_THREADS"


@dataclass(frozen=True, kw_only=True)
class Processes:
    """In how many processes a job runs, and where they meet."""

    nproc: int = 1
    """Processes on this machine that train together, each on a GPU of its own where there are any,
    else on a part of the processors."""
    nnodes: int = 1
    """Machines that train together; each is told the same, but for --node-rank."""
    node_rank: int = 0
    """Which of the machines this is, from 0."""
    rdzv_endpoint: str | None = None
    """HOST:PORT of the first machine where the processes meet, a free port; with --nnodes."""

    @property
    def are_several(self) -> bool:
        return self.nproc > 1 or self.nnodes > 1

    def problems(self, job: config.Job) -> list[str]:
        """What is wrong, each line naming the option, its value and what fits."""
        found = []
        for name in ("nproc", "nnodes"):
            if getattr(self, name) < 1:
                found.append(f"--{name} {getattr(self, name)}: expected a whole number from 1")
        if not 0 <= self.node_rank < max(1, self.nnodes):
            found.append(
                f"--node-rank {self.node_rank}: expected a whole number from 0, below --nnodes "
                f"({self.nnodes})"
            )
        if self.nnodes > 1 and self.rdzv_endpoint is None:
            found.append("--nnodes: give --rdzv-endpoint HOST:PORT too, of the first machine")
        if self.nnodes == 1 and self.rdzv_endpoint is not None:
            found.append(f"--rdzv-endpoint {self.rdzv_endpoint}: has a meaning with --nnodes only")
        host, _, port = (self.rdzv_endpoint or "host:1").rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
            found.append(f"--rdzv-endpoint {self.rdzv_endpoint}: expected HOST:PORT")
        device = getattr(job, "device", "auto")
        if self.are_several and ":" in device:
            found.append(
                f"--device {device}: one device for several processes; take cuda, which gives each "
                "its own, and choose among them with CUDA_VISIBLE_DEVICES"
            )
        return found

    def command(self, module: list[str]) -> list[str]:
        """The argument vector that runs ``python -m`` with these words in every process."""
        if not self.are_several:
            return [sys.executable, "-m", *module]
        where = ["--standalone"]
        if self.nnodes > 1:
            # Static: which machine is the first is told, and not drawn.
            where = [
                f"--nnodes={self.nnodes}",
                f"--node-rank={self.node_rank}",
                "--rdzv-backend=static",
                f"--rdzv-endpoint={self.rdzv_endpoint}",
            ]
        return [
            sys.executable,
            "-m",
            "torch.distributed.run",
            *where,
            f"--nproc-per-node={self.nproc}",
            "--max-restarts=0",  # a further attempt is the supervisor's to make
            f"--log-dir={os.devnull}",  # else a folder is left among the temporary files
            "-m",
            *module,
        ]

    def environment(self, own: Mapping[str, str]) -> dict[str, str]:
        """What is added to a job's environment: the processes share the processors out, where the
        user has not. (The launcher would give each one thread.)"""
        if self.nproc == 1 or _THREADS in own:
            return {}
        return {_THREADS: str(max(1, len(os.sched_getaffinity(0)) // self.nproc))}
