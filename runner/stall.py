"""What is captured when a job stalls, before anything is stopped. Every step has a time limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from probes import files, procfs, stacks
from probes.procfs import Stat
from runner import helpers
from runner.evidence import StallPicture
from runner.paths import AttemptPaths
from runner.process_tree import Tree
from runner.watchdog import Verdict

_CPU_SECONDS = 1.0
_STACK_SECONDS = 4.0
_PROCESSES = 16


async def capture(tree: Tree, verdict: Verdict, paths: AttemptPaths) -> StallPicture:
    """Thread states, processor share over a second, and Python stacks; also to stacks.txt."""
    members = tree.scan()
    root_first = sorted(members, key=lambda stat: (stat.pid != tree.root.pid, stat.pid))
    seen = stacks.threads(root_first)
    share = await _cpu_share(members)
    dumps = await asyncio.gather(*(_python_stack(tree, stat) for stat in root_first[:_PROCESSES]))
    text = "\n".join(dumps)
    head = (
        f"no progress for {verdict.quiet_s:.1f} s (limit {verdict.limit_s:.0f} s); "
        f"the tree wanted {share:.0%} of a core\n\n"
    )
    try:
        files.write_text(paths.stacks, head + stacks.table(seen) + "\n" + text)
    except OSError as error:
        text += f"\n(stacks.txt was not written: {error.strerror})"
    return StallPicture(
        quiet_s=verdict.quiet_s,
        limit_s=verdict.limit_s,
        threads=tuple(seen),
        cpu_share=share,
        stacks=text or None,
    )


async def _cpu_share(members: Sequence[Stat]) -> float:
    """Processor time that the tree used or waited for, over a second in which nobody is paused."""
    began, before = time.monotonic(), {stat.pid: _busy_s(stat) for stat in members}
    await asyncio.sleep(_CPU_SECONDS)
    gone = time.monotonic() - began
    return sum(max(0.0, _busy_s(stat) - before[stat.pid]) for stat in members) / gone


def _busy_s(stat: Stat) -> float:
    wanted = procfs.wanted_cpu_s(stat.pid)
    if wanted is not None:
        return wanted
    now = procfs.stat(stat.pid)
    return now.cpu_s if now else 0.0


async def _python_stack(tree: Tree, stat: Stat) -> str:
    """py-spy's dump, with native frames where that works; why not, otherwise."""
    if stat.state in "Tt":
        return f"process {stat.pid} ({stat.name}) is stopped: no stack is taken\n"
    answer = None
    for native in (True, False):
        command = stacks.py_spy(stat.pid, native=native)
        if command is None:
            return "py-spy is not installed: no Python stacks\n"
        answer = await helpers.ask(command, _STACK_SECONDS / 2, tree.exclude)
        if answer.code == 0:
            return answer.output.decode("utf-8", "replace")
    assert answer is not None
    if answer.code is None:
        return f"process {stat.pid} ({stat.name}): no stack within {_STACK_SECONDS:.0f} s\n"
    reason = answer.output.decode("utf-8", "replace").strip().splitlines()[:1]
    return f"process {stat.pid} ({stat.name}): no Python stack: {' '.join(reason)}\n"
