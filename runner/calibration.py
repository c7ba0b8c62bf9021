"""What libraries take of a device beside the tensors, measured. Data and pure functions.

Measured on 2026-11-26 on an H100 80 GB (driver 580.159, CUDA 13.0, torch 2.11, its cuDNN 9): 52
rows of five networks and 28 others whose context was not told. 24 rows more were measured when the
factors stood; docs/results/memory-h100.md shows all 76 beside what this makes of them. The context
is the same to 2 MiB in all rows that use the same libraries.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

_MIB = 1 << 20
GEMM, FFT = "cublas", "cufft"


@dataclass(frozen=True)
class Context:
    """Bytes of a process on a device beside torch's own memory."""

    base: int
    """The CUDA context with the kernels of torch and cuDNN."""
    training: int
    a_handle: int
    """Of cuBLAS: one in inference, one more for the thread of the backward pass."""
    fft: int

    def size(self, mode: str, libraries: Collection[str]) -> int:
        return (
            self.base
            + (self.training if mode == "train" else 0)
            + self.a_handle * handles(mode, libraries)
            + (self.fft if FFT in libraries else 0)
        )


H100 = Context(622 * _MIB, 10 * _MIB, 64 * _MIB, 8 * _MIB)
NEAR = 0.03
"""By how much a measured context may differ on another driver or build, as a part of it."""


def handles(mode: str, libraries: Collection[str]) -> int:
    """How many of cuBLAS's handles, each with a workspace, a process makes."""
    if GEMM not in libraries:
        return 0
    return 2 if mode == "train" else 1


SMALL = 36 * _MIB
"""What cuDNN's workspaces may take at the most however small the tensors are: 34 MiB of a batch of
one were measured."""


@dataclass(frozen=True)
class Workspace:
    """Of convolutions, with the segments that are cached for it: in largest allocations of a
    step."""

    likely: float
    most: float


_ANY = {
    ("infer", "fp32"): Workspace(1.7, 2.5),
    ("infer", "half"): Workspace(1.0, 3.0),
    ("train", "fp32"): Workspace(2.5, 9.0),
    ("train", "half"): Workspace(2.2, 5.5),
}
_OF_NETWORKS = {
    ("specproj", "train", "fp32"): Workspace(2.0, 5.0),
    ("specproj", "train", "half"): Workspace(1.7, 3.5),
    ("hgnet", "train", "fp32"): Workspace(6.5, 10.0),
    ("specproj-original", "infer", "half"): Workspace(1.9, 2.6),
    ("specproj-dirac", "infer", "half"): Workspace(1.9, 2.6),
}


def workspace(model: str, mode: str, dtype: str) -> Workspace:
    """Of a network that was measured its own, of another what they have in common."""
    kind = "fp32" if dtype == "fp32" else "half"
    return _OF_NETWORKS.get((model, mode, kind)) or _ANY[mode, kind]
