"""Limits of this session: descriptors, processes, address space, core dumps, and what hinders the
capture of evidence."""

from __future__ import annotations

import os
import resource
import shutil
from dataclasses import dataclass
from pathlib import Path

from probes import cgroup, procfs
from runner.doctor.finding import Finding, note, ok, problem, warning
from runner.units import size

_FEW_FILES, _TOO_FEW_FILES = 1024, 128
_FEW_TASKS, _TOO_FEW_TASKS = 256, 32


@dataclass(frozen=True)
class Facts:
    """None: no limit, or not told."""

    files: int | None
    files_hard: int | None
    tasks_left: int | None
    """Processes and threads that may still be started."""
    address_space: int | None
    """Bytes."""
    core: int | None
    """Bytes of a core dump that are kept; None: all."""
    core_pattern: str
    ptrace_scope: int | None
    root: bool
    py_spy: bool
    kernel_log: bool


def gather() -> Facts:
    pattern = procfs.read("/proc/sys/kernel/core_pattern", 256) or b""
    scope = procfs.read("/proc/sys/kernel/yama/ptrace_scope", 16)
    return Facts(
        files=_limit(resource.RLIMIT_NOFILE),
        files_hard=_limit(resource.RLIMIT_NOFILE, 1),
        tasks_left=_tasks_left(),
        address_space=_limit(resource.RLIMIT_AS),
        core=_limit(resource.RLIMIT_CORE),
        core_pattern=pattern.decode("utf-8", "replace").strip(),
        ptrace_scope=int(scope) if scope else None,
        root=os.geteuid() == 0,
        py_spy=shutil.which("py-spy") is not None or _beside_python("py-spy"),
        kernel_log=_opens("/dev/kmsg"),
    )


def _limit(kind: int, which: int = 0) -> int | None:
    value = resource.getrlimit(kind)[which]
    return None if value == resource.RLIM_INFINITY else value


def _beside_python(name: str) -> bool:
    import sys

    return (Path(sys.executable).parent / name).exists()


def _opens(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def _tasks_left() -> int | None:
    """The smallest room of the pids cgroup and of RLIMIT_NPROC, which does not bind root."""
    rooms = [room for folder in _pids_folders() if (room := _room(folder)) is not None]
    allowed = _limit(resource.RLIMIT_NPROC)
    if allowed is not None and os.geteuid() != 0:
        own = sum(
            len(procfs.tasks(pid)) for pid in procfs.pids() if procfs.owner(pid) == os.getuid()
        )
        rooms.append(max(0, allowed - own))
    return min(rooms, default=None)


def _pids_folders() -> list[Path]:
    lines, mounts = cgroup.membership(os.getpid()), procfs.read("/proc/self/mountinfo")
    if lines is None or mounts is None:
        return []
    paths = cgroup.parse_membership(lines.decode("utf-8", "replace"))
    found = []
    for mount in cgroup.parse_mounts(mounts.decode("utf-8", "replace")):
        path = paths.get("pids" if mount.version == 1 else "")
        if path is None or (mount.version == 1 and "pids" not in mount.controllers):
            continue
        inside = os.path.relpath(path, mount.root)
        folder = Path(mount.point) if inside.startswith("..") else Path(mount.point) / inside
        while True:
            found.append(folder)
            if folder in (Path(mount.point), folder.parent):
                break
            folder = folder.parent
    return found


def _room(folder: Path) -> int | None:
    most, now = (procfs.read(str(folder / f"pids.{name}"), 64) for name in ("max", "current"))
    if not most or not now or not most.strip().isdigit() or not now.strip().isdigit():
        return None
    return max(0, int(most) - int(now))


def judge(facts: Facts) -> list[Finding]:
    return [_files(facts), _tasks(facts), *_memory(facts), *_evidence(facts)]


def _files(facts: Facts) -> Finding:
    check = "limits.files"
    if facts.files is None or facts.files >= _FEW_FILES:
        return ok(check, f"{facts.files or 'any number of'} open files are allowed")
    more = _FEW_FILES * 4 if facts.files_hard is None else min(facts.files_hard, _FEW_FILES * 4)
    mend = f"ulimit -n {more}"
    if more <= facts.files:
        mend = "raise `nofile` in /etc/security/limits.conf (docker run --ulimit nofile=65536)"
    what = f"only {facts.files} open files are allowed"
    why = "every loader worker, tensor in shared memory and data file takes one or more"
    kind = problem if facts.files < _TOO_FEW_FILES else warning
    return kind(check, what, why, mend)


def _tasks(facts: Facts) -> Finding:
    check = "limits.processes"
    if facts.tasks_left is None or facts.tasks_left >= _FEW_TASKS:
        left = "any number of" if facts.tasks_left is None else facts.tasks_left
        return ok(check, f"{left} more processes and threads are allowed")
    kind = problem if facts.tasks_left < _TOO_FEW_TASKS else warning
    return kind(
        check,
        f"only {facts.tasks_left} more processes and threads can be started",
        "a job starts threads for each core and worker, and dies where it cannot",
        "end what is not needed, raise `ulimit -u`, or the pids limit (docker run --pids-limit)",
    )


def _memory(facts: Facts) -> list[Finding]:
    found = []
    if facts.address_space is not None:
        found.append(
            warning(
                "limits.address_space",
                f"address space is limited to {size(facts.address_space)} (ulimit -v)",
                "CUDA reserves far more addresses than memory, and fails with a plain refusal",
                "ulimit -v unlimited",
            )
        )
    if facts.core is None or facts.core > 0:
        to = "a program" if facts.core_pattern.startswith("|") else "a file"
        found.append(
            note(
                "limits.core",
                f"a crash writes a core dump to {to} ({facts.core_pattern or 'unknown'})",
                "a big process takes minutes to write its memory, and fills the disk",
                "ulimit -c 0",
            )
        )
    return found


def _evidence(facts: Facts) -> list[Finding]:
    found = []
    if not facts.py_spy:
        found.append(
            warning(
                "evidence.py_spy",
                "py-spy is not installed",
                "a stall can be explained only by what the kernel tells",
                "python -m pip install py-spy",
            )
        )
    if facts.ptrace_scope is not None and facts.ptrace_scope > 1 and not facts.root:
        found.append(
            note(
                "evidence.ptrace",
                f"kernel.yama.ptrace_scope is {facts.ptrace_scope}",
                "stacks of a stalled program cannot be read from outside",
                "sudo sysctl kernel.yama.ptrace_scope=1",
            )
        )
    if not facts.kernel_log:
        found.append(
            note(
                "evidence.kernel_log",
                "the kernel's log cannot be read",
                "kills for memory are seen by counters alone, device errors not at all",
                "sudo sysctl kernel.dmesg_restrict=0",
            )
        )
    return found
