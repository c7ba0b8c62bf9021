"""What 500 short runs in a row leave behind, all supervised by one process, as a notebook does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from probes import cgroup_control, procfs, sysv
from runner import process_tree, supervisor
from runner.options import Supervision
from tests.bench.figure import Figure

_RUNS = 500
_WARM_UP = 10
_FAULTS = Path(__file__).resolve().parents[1] / "faults"
_SHM = Path("/dev/shm")


def _fault(name: str, *arguments: str) -> list[str]:
    return [sys.executable, str(_FAULTS / f"{name}.py"), *arguments]


_KINDS = (
    ["true"],
    ["false"],
    _fault("kills_itself", "9"),
    _fault("segfaults"),
    _fault("leaves_a_child"),
    _fault("leaves_shared_memory", "0.3"),
    _fault("leaves_a_segment_and_sockets"),
    ["no such program"],
)


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"TMPDIR": folder}
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.many_runs", folder],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        found = json.loads(done.stdout.splitlines()[-1])
    more = {kind: found["after"][kind] - found["before"][kind] for kind in found["before"]}
    return [
        Figure(
            f"left behind by {_RUNS} short runs in a row",
            sum(max(0, count) for count in more.values()),
            "things",
            "0",
            all(count <= 0 for count in more.values()),
            ", ".join(f"{kind}: {count}" for kind, count in more.items())
            + f"; all runs in one process, which grew by {found['grown'] / 1e6:.1f} MB; "
            + f"{len(_KINDS)} kinds of job in turn, of which four leave something if they may; "
            + ", ".join(f"{count} {outcome}" for outcome, count in found["outcomes"].items())
            + f"; {found['seconds'] / _RUNS:.2f} s a run",
        )
    ]


def _counted(temporary: Path) -> dict[str, int]:
    """Everything of this process's tree that could outlive a run."""
    me = os.getpid()
    children = [stat for stat in procfs.processes().values() if stat.ppid == me]
    return {
        "processes": len(children),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": len(procfs.tasks(me)),
        "shared-memory files": len(
            [1 for one in _SHM.iterdir() if one.stat().st_uid == os.getuid()]
        ),
        "System V segments": len(sysv.segments()),
        "temporary files": len([one for one in temporary.iterdir() if one.name != "runs"]),
        # Others may supervise on this machine, too: only groups of these runs count.
        "cgroups": len(
            [
                entry
                for folder in cgroup_control.own_folders()
                for entry in Path(folder).glob("fwi-*")
                if (temporary / "runs" / entry.name.removeprefix("fwi-")).exists()
            ]
        ),
    }


def _run_all(temporary: Path) -> None:
    # Whatever escapes a run becomes a child of this process, and is counted.
    process_tree.become_subreaper()
    options = Supervision(runs_dir=temporary / "runs", watchdog=30.0)
    outcomes: Counter[str] = Counter()
    before: dict[str, int] = {}
    rss = 0
    began = time.monotonic()
    for number in range(-_WARM_UP, _RUNS):
        if number == 0:
            before, rss, began = _counted(temporary), _rss(), time.monotonic()
            outcomes.clear()
        result = supervisor.run(_KINDS[number % len(_KINDS)], options=options)
        outcomes[result.outcome.value] += 1
    seconds = time.monotonic() - began
    after = _counted(temporary)
    print(
        json.dumps(
            {
                "before": before,
                "after": after,
                "grown": _rss() - rss,
                "outcomes": dict(outcomes.most_common()),
                "seconds": seconds,
            }
        )
    )


def _rss() -> int:
    stat = procfs.stat(os.getpid())
    assert stat is not None
    return stat.rss


if __name__ == "__main__":
    _run_all(Path(sys.argv[1]))
