"""The GPU: whether driver, library and torch fit, and who holds its memory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass

from probes import device, procfs
from probes.device import DeviceMemory
from runner import machine
from runner.doctor.finding import Finding, note, ok, problem, warning
from runner.doctor.open_files import OpenFiles
from runner.units import size

# Oldest driver for a CUDA major: docs.nvidia.com/deploy/cuda-compatibility, minor versions.
_OLDEST_DRIVER = {11: (450, 80), 12: (525, 60), 13: (580, 65)}
_HELD_SHARE = 0.1


@dataclass(frozen=True)
class Facts:
    driver: str | None
    """Version of the loaded driver; None: no driver here."""
    torch: bool
    torch_cuda: str | None
    """CUDA version that torch was built for."""
    hidden: bool
    """CUDA_VISIBLE_DEVICES hides every device."""
    devices: tuple[DeviceMemory, ...] = ()
    error: str | None = None
    """Why NVML did not answer."""
    holders: tuple[tuple[int, str], ...] = ()
    """(pid, command) of the processes that have a device open."""


def gather(opened: OpenFiles, *, torch: bool, torch_cuda: str | None, seconds: float) -> Facts:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    devices: tuple[DeviceMemory, ...] = ()
    error = None
    if device.is_present():
        try:
            devices = tuple(_ask(seconds))
        except (ValueError, KeyError, TypeError, OSError) as failure:
            error = str(failure)
    pids = {
        pid
        for path, having in opened.holders.items()
        if re.fullmatch(r"/dev/nvidia[0-9]+", path)
        for pid in having
    }
    return Facts(
        driver=machine.nvidia_driver() or ("unknown" if device.is_present() else None),
        torch=torch,
        torch_cuda=torch_cuda,
        hidden=visible is not None and visible.strip() in ("", "-1"),
        devices=devices,
        error=error,
        holders=tuple((pid, _command(pid)) for pid in sorted(pids)),
    )


def _ask(seconds: float) -> list[DeviceMemory]:
    """One reading by a disposable child: a driver that hangs keeps the child, not us."""
    child = subprocess.Popen(
        [sys.executable, "-m", "probes.device"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        output, _ = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        # In uninterruptible sleep it dies when the driver lets go; that is not waited for.
        with suppress(subprocess.TimeoutExpired):
            child.wait(0.2)
        raise ValueError(f"the driver did not answer within {seconds:g} s") from None
    return device.parse(output.strip().splitlines()[-1] if output.strip() else b"{}")


def _command(pid: int) -> str:
    return procfs.command_line(pid, 80) or "not visible here"


def judge(facts: Facts) -> list[Finding]:
    if facts.driver is None:
        if facts.torch_cuda is None:
            return [ok("device.driver", "no NVIDIA driver, and no CUDA build of torch to need one")]
        return [
            warning(
                "device.driver",
                f"torch is built for CUDA {facts.torch_cuda}, but no NVIDIA driver is loaded",
                "jobs run on the processor, or fail where they ask for cuda",
                "start the container with --gpus all, choose a machine with a GPU, or --device cpu",
            )
        ]
    return [*_driver(facts), *_memory(facts)]


def _driver(facts: Facts) -> list[Finding]:
    if facts.error is not None:
        return [
            problem(
                "device.nvml",
                f"driver {facts.driver}: {facts.error}",
                "a driver that does not answer, or is not of its library's version, fails every job"
                " on the device",
                "restart the machine; in a container, start it anew",
            )
        ]
    found = []
    if facts.torch and facts.torch_cuda is None:
        found.append(
            warning(
                "device.build",
                f"driver {facts.driver} is loaded, but torch is a build without CUDA",
                "jobs run on the processor",
                "python -m pip install --force-reinstall torch torchvision",
            )
        )
    if facts.torch_cuda is not None and (oldest := too_old(facts.driver or "", facts.torch_cuda)):
        found.append(
            problem(
                "device.driver",
                f"driver {facts.driver}: CUDA {facts.torch_cuda} needs {oldest} or newer",
                "torch finds no device",
                "upgrade the driver, or install a torch for an older CUDA",
            )
        )
    if facts.hidden:
        found.append(
            warning(
                "device.hidden",
                "CUDA_VISIBLE_DEVICES hides every device",
                "jobs run on the processor",
                "unset CUDA_VISIBLE_DEVICES",
            )
        )
    return found or [ok("device.driver", f"driver {facts.driver}")]


def too_old(driver: str, cuda: str) -> str | None:
    """The oldest driver that CUDA version runs with, where this one is older.

    >>> too_old("470.82.01", "12.4")
    '525.60'
    """
    have = re.match(r"(\d+)\.(\d+)", driver)
    oldest = _OLDEST_DRIVER.get(int(cuda.partition(".")[0]))
    if not have or not oldest or (int(have[1]), int(have[2])) >= oldest:
        return None
    return f"{oldest[0]}.{oldest[1]}"


def _memory(facts: Facts) -> list[Finding]:
    found = []
    commands = dict(facts.holders)
    for one in facts.devices:
        pids = sorted(set(one.processes) | set(commands))
        by = "; by " + ", ".join(f"{p} ({commands.get(p, 'not visible here')})" for p in pids[:3])
        what = f"device {one.index} ({one.name}): {size(one.used)} of {size(one.total)} are in use"
        if one.used < one.total * _HELD_SHARE:
            found.append(ok("device.memory", what))
            continue
        found.append(
            warning(
                "device.memory",
                what + (by if pids else "; no process is shown"),
                "a job that fits an empty device runs out of memory here",
                f"end it if it is yours: kill {pids[0]}" if pids else "nvidia-smi",
            )
        )
    if not facts.devices and facts.holders:
        named = ", ".join(f"{pid} ({command})" for pid, command in facts.holders[:3])
        found.append(note("device.holders", f"processes that have a device open: {named}"))
    return found
