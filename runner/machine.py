"""Facts about the machine that a run is recorded with. No torch: a GPU is seen by its driver."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import Any

from probes import host, procfs

_PACKAGES = ("torch", "torchvision", "numpy", "numba", "timm", "nvidia-ml-py")


def facts() -> dict[str, Any]:
    """Names, versions and sizes (bytes); None for what cannot be known here."""
    return {
        "host": platform.node(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "processors": len(os.sched_getaffinity(0)),
        "memory": host.machine_memory(),
        "memory_limit": host.memory_limit(),
        "shm": host.shm_total(),
        "nvidia_driver": nvidia_driver(),
        "packages": {name: version(name) for name in _PACKAGES},
    }


def nvidia_driver() -> str | None:
    """Version of the loaded NVIDIA driver."""
    raw = procfs.read("/proc/driver/nvidia/version", 4096)
    if not raw:
        return None
    words = raw.decode("utf-8", "replace").split()
    return next((word for word in words if word[:1].isdigit() and "." in word), "unknown")


def version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
