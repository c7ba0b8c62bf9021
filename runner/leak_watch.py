"""Everything that outlives a process, looked at before, during and after an attempt; what is
certainly the attempt's is removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set

from probes import sysv
from probes.device import DeviceMemory
from runner import ipc_watch, leaks, temp_folders
from runner.ipc_watch import IpcWatch
from runner.leaks import Leaks, ShmWatch
from runner.stopping import Leftover
from runner.temp_folders import TempFolders


class LeakWatch:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._shm = ShmWatch()
        self._ipc = IpcWatch()
        self._folders = TempFolders(environment)

    def look(self, known: Callable[[], list[int]], now: Callable[[], list[int]]) -> None:
        """While the job runs, at every tick: whose is what is new in /dev/shm, and new folders of
        sockets. ``known`` are the processes last seen, ``now`` looks for them again."""
        self._shm.look(known, now)
        self._folders.look(known())

    def collect(
        self,
        pids: Set[int],
        output: str,
        *,
        processes: Sequence[Leftover],
        cgroup: str | None,
        devices_before: Sequence[DeviceMemory],
        devices: Sequence[DeviceMemory],
    ) -> Leaks:
        """What is left now that every process has ended; ``pids`` are those of the attempt."""
        shm, unsure = self._shm.left(pids | leaks.workers_named(output))
        segments, unsure_ipc = self._ipc.left(pids)
        folders, unsure_folders = self._folders.left()
        removed = [
            *leaks.remove(shm),
            *(ipc_watch.name(one) for one in segments if sysv.remove(one)),
            *map(str, temp_folders.remove(folders)),
        ]
        held, unaccounted = leaks.device_left(devices_before, devices, pids)
        return Leaks(
            processes=tuple(processes),
            shm=shm,
            ipc=tuple(ipc_watch.name(one) for one in segments),
            folders=tuple(map(str, folders)),
            device_bytes=held,
            cgroup=cgroup,
            removed=tuple(removed),
            unsure=(*unsure, *unsure_ipc, *map(str, unsure_folders), *unaccounted),
        )
