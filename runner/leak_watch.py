"""Everything that outlives a process, looked at before, during and after an attempt; what is
certainly the attempt's is removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path
from typing import TypeVar

from probes import sysv
from probes.device import DeviceMemory
from probes.sysv import Segment
from runner import ipc_watch, leaks, temp_folders
from runner.ipc_watch import IpcWatch
from runner.leaks import Leaks, ShmWatch
from runner.stopping import Leftover
from runner.temp_folders import TempFolders

_SHM = "in /dev/shm"
_IPC = "of System V IPC"
_FOLDERS = "among the temporary files"
_DEVICES = "on the devices"

Found = TypeVar("Found")


class LeakWatch:
    """What cannot be looked at costs a sentence, which ``trouble`` is told once: nothing here
    raises, whatever lies there, so that the attempt's result stands."""

    def __init__(self, environment: Mapping[str, str], trouble: Callable[[str], None]) -> None:
        self._trouble = trouble
        self._said: set[str] = set()
        self._shm = self._found(_SHM, ShmWatch)
        self._ipc = self._found(_IPC, IpcWatch)
        self._folders = self._found(_FOLDERS, lambda: TempFolders(environment))

    def look(self, known: Callable[[], list[int]], now: Callable[[], list[int]]) -> None:
        """While the job runs, at every tick: whose is what is new in /dev/shm, and new folders of
        sockets. ``known`` are the processes last seen, ``now`` looks for them again."""
        shm, folders = self._shm, self._folders
        if shm is not None:
            self._found(_SHM, lambda: shm.look(known, now))
        if folders is not None:
            self._found(_FOLDERS, lambda: folders.look(known()))

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
        shm, unsure = self._found(_SHM, lambda: self._left_in_shm(pids, output)) or ((), ())
        segments, unsure_ipc = self._found(_IPC, lambda: self._left_of_ipc(pids)) or ([], [])
        folders, unsure_folders = self._found(_FOLDERS, self._left_of_folders) or ([], [])
        held, unaccounted = self._found(
            _DEVICES, lambda: leaks.device_left(devices_before, devices, pids)
        ) or (0, [])
        removed = [
            *(self._found(_SHM, lambda: leaks.remove(shm)) or ()),
            *(self._found(_IPC, lambda: _removed(segments)) or ()),
            *map(str, self._found(_FOLDERS, lambda: temp_folders.remove(folders)) or ()),
        ]
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

    def _left_in_shm(
        self, pids: Set[int], output: str
    ) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        return self._shm.left(pids | leaks.workers_named(output)) if self._shm else None

    def _left_of_ipc(self, pids: Set[int]) -> tuple[list[Segment], list[str]] | None:
        return self._ipc.left(pids) if self._ipc else None

    def _left_of_folders(self) -> tuple[list[Path], list[Path]] | None:
        return self._folders.left() if self._folders else None

    def _found(self, where: str, look: Callable[[], Found | None]) -> Found | None:
        """What ``look`` finds; None where it fails."""
        try:
            return look()
        except Exception as error:
            if where not in self._said:
                self._said.add(where)
                self._trouble(
                    f"what the attempt leaves {where} is not known in full: "
                    f"{type(error).__name__}: {error}"
                )
            return None


def _removed(segments: Sequence[Segment]) -> list[str]:
    return [ipc_watch.name(one) for one in segments if sysv.remove(one)]
