"""The kernel's counters of kills for memory, in every cgroup that the job was in."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Container, Iterable
from pathlib import Path

from probes import cgroup, host, kernel_log, procfs
from probes.kernel_log import KernelLog, Kill
from probes.procfs import Stat

_PID = re.compile(r"\bpid[ :=]{0,2}\(?(\d{1,9})", re.IGNORECASE)
RECENT_S = 30.0
"""The machine's counter is everybody's: only a kill shortly before the end may be the job's."""


class OomWatch:
    """Remembers counters from construction on; ``look`` also notices where the job has moved to.

    A kill is counted in the victim's own cgroup (version 1 counts it nowhere else), which a job may
    change while it runs, as under a container engine or a batch system.
    """

    def __init__(self) -> None:
        self._groups: dict[Path, tuple[cgroup.MemoryGroup, int]] = {}
        self._memberships: set[bytes] = set()
        self._is_sure = True
        self._machine: deque[tuple[float, int]] = deque()
        own = cgroup.memory_group()
        if own is not None:
            self._add(own, is_first=True)
        self._start = host.oom_kills_of_machine()
        self._log = KernelLog()

    def look(self, now: float, members: Iterable[Stat]) -> None:
        for member in members:
            self.follow(member.pid)
        count = host.oom_kills_of_machine()
        if count is not None:
            self._machine.append((now, count))
        while len(self._machine) > 1 and self._machine[1][0] < now - RECENT_S:
            self._machine.popleft()

    def follow(self, pid: int) -> None:
        """Notice the group of this process, which may have ended but is not reaped yet: it may have
        moved there just before it was killed."""
        membership = cgroup.membership(pid)
        if membership is None or membership in self._memberships:
            return
        self._memberships.add(membership)
        group = cgroup.memory_group(pid)
        if group is None:
            self._is_sure = False
        else:
            self._add(group)

    def kernel_log(
        self, pids: Container[int], output: str, score: int, *, all_seen: bool
    ) -> tuple[tuple[Kill, ...] | None, tuple[str, ...] | None]:
        """Kills of these processes, of those that the output names and of those with this
        ``oom_score_adj``, and Xid events but those of other processes, that the kernel's log tells
        since the start; None for both where it may not be read.

        ``all_seen``: whether the process in question is surely among ``pids``. Where it is not, and
        the log does not tell whose score a victim had, a kill of a process that nobody knows may be
        the job's, and the log decides nothing (None).
        """
        said = self._log.read()
        if said is None:
            return None, None
        named = {int(number) for number in _PID.findall(output)}
        # A job keeps a higher score that it inherits, and others may have inherited it too.
        scored = procfs.oom_score_adjust() < score
        ours = tuple(
            kill
            for kill in said.kills
            if kill.pid in pids or kill.pid in named or (scored and kill.score_adjust == score)
        )
        told = scored and all(kill.score_adjust is not None for kill in said.kills)
        decides = bool(ours) or all_seen or told or not said.kills
        return (ours if decides else None), kernel_log.of_processes(said.xids, pids)

    def close(self) -> None:
        self._log.close()

    def _add(self, group: cgroup.MemoryGroup, *, is_first: bool = False) -> None:
        kills = group.oom_kills()
        if group.folder in self._groups:
            return
        # What a group that was come upon later has counted may be of the job or of before it.
        self._is_sure &= group.is_exact and kills is not None and (is_first or not kills)
        if kills is not None:
            self._groups[group.folder] = (group, kills)

    def kills_in_groups(self) -> int | None:
        """Kills since the start in the cgroups of the job. 0 says that there was none: where a
        counter could not be read, or went with its group, it is None."""
        counts = [(group.oom_kills(), before) for group, before in self._groups.values()]
        found = sum(now - before for now, before in counts if now is not None)
        is_sure = bool(counts) and self._is_sure and all(now is not None for now, _ in counts)
        return found if found or is_sure else None

    def recent_kills_on_machine(self) -> int | None:
        """Kills on the whole machine shortly before now; None where they are not counted."""
        now = host.oom_kills_of_machine()
        before = self._machine[0][1] if self._machine else self._start
        return None if now is None or before is None else now - before
