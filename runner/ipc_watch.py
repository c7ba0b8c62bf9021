"""System V segments, semaphores and message queues that an attempt leaves."""

from __future__ import annotations

import os
from collections.abc import Collection

from probes import sysv
from probes.sysv import Segment
from runner.units import size


class IpcWatch:
    """Remembers what was there at construction. The kernel tells who made a segment; of a set of
    semaphores and of a message queue it does not."""

    def __init__(self) -> None:
        self._segments = {one.id for one in sysv.segments()}
        self._semaphores = {one.id for one in sysv.semaphores()}
        self._queues = {one.id for one in sysv.queues()}

    def left(self, pids: Collection[int]) -> tuple[list[Segment], list[str]]:
        """Segments that a process of the attempt made, and names of what only appeared."""
        me = os.getuid()
        new = [one for one in sysv.segments() if one.id not in self._segments and one.uid == me]
        sets = [one for one in sysv.semaphores() if one.id not in self._semaphores]
        queues = [one for one in sysv.queues() if one.id not in self._queues]
        unsure = [name(one) for one in new if one.maker not in pids]
        unsure += [f"System V semaphores {one.id}" for one in sets if one.uid == me]
        unsure += [
            f"System V message queue {one.id} ({one.messages} messages)"
            for one in queues
            if one.uid == me
        ]
        return [one for one in new if one.maker in pids], unsure


def name(segment: Segment) -> str:
    return f"System V segment {segment.id} ({size(segment.size)})"
