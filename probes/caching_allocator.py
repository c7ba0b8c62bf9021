"""What torch's CUDA caching allocator would make of a sequence of allocations: rounding, segments,
splits and fragmentation. Pure.

The rules and constants are those of c10/cuda/CUDACachingAllocator.cpp with its default settings, on
one stream: sizes are rounded to 512 bytes; up to 1 MiB comes from segments of 2 MiB, below 10 MiB
from segments of 20 MiB, and what is larger from a segment of its own, rounded to 2 MiB; the best
fitting free block is taken, and split where enough is left over; neighbours that are free merge.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass

from probes.memory_log import Event

_MIB = 1 << 20
_SMALLEST = 512
_SMALL = _MIB
_SMALL_SEGMENT = 2 * _MIB
_LARGE_SEGMENT = 20 * _MIB
_OWN_SEGMENT = 10 * _MIB
_ROUND = 2 * _MIB


@dataclass(frozen=True)
class Held:
    """Peaks in bytes."""

    allocated: int
    """In rounded blocks."""
    reserved: int
    """Taken from the driver: blocks, and what is cached between them."""
    fits: bool
    """Whether everything found room within the capacity."""
    retries: int
    """How often cached segments were given back to find room, each a wait for the device."""


@dataclass(eq=False)
class _Block:
    segment: int
    at: int
    size: int
    small: bool
    free: bool = True
    before: _Block | None = None
    after: _Block | None = None


def rounded(size: int) -> int:
    """Bytes of the block for a tensor's storage."""
    return max(_SMALLEST, -(-size // _SMALLEST) * _SMALLEST)


def segment_size(size: int) -> int:
    """Bytes that are asked of the driver for a block that finds no room."""
    if size <= _SMALL:
        return _SMALL_SEGMENT
    if size < _OWN_SEGMENT:
        return _LARGE_SEGMENT
    return -(-size // _ROUND) * _ROUND


def replay(events: Iterable[Event], capacity: int | None = None) -> Held:
    """Go through the events of a log; ``capacity`` is what the driver may give, in bytes."""
    allocator = _Allocator(capacity)
    blocks: dict[int, _Block] = {}
    for event in events:
        if event.allocation is None or event.bytes == 0:
            continue
        if event.bytes > 0:
            block = allocator.allocate(rounded(event.bytes))
            if block is None:
                return Held(
                    allocator.most_allocated, allocator.most_reserved, False, allocator.retries
                )
            blocks[event.allocation] = block
        elif (block := blocks.pop(event.allocation, None)) is not None:
            allocator.free(block)
    return Held(allocator.most_allocated, allocator.most_reserved, True, allocator.retries)


class _Allocator:
    def __init__(self, capacity: int | None) -> None:
        self._capacity = capacity
        self._allocated = self._reserved = 0
        self.most_allocated = self.most_reserved = self.retries = 0
        self._segments = 0
        # (size, segment, place, block) by size: the best fit is the first that is large enough.
        self._free: dict[bool, list[tuple[int, int, int, _Block]]] = {True: [], False: []}

    def allocate(self, size: int) -> _Block | None:
        small = size <= _SMALL
        block = self._best_fit(size, small) or self._new_segment(size, small)
        if block is None:
            return None
        rest = block.size - size
        if rest >= _SMALLEST if small else rest > _SMALL:
            self._split(block, size)
        block.free = False
        self._allocated += block.size
        self.most_allocated = max(self.most_allocated, self._allocated)
        return block

    def free(self, block: _Block) -> None:
        self._allocated -= block.size
        block.free = True
        for other in (block.before, block.after):
            if other is not None and other.free:
                self._forget(other)
                block = self._merge(block, other)
        self._offer(block)

    def _best_fit(self, size: int, small: bool) -> _Block | None:
        pool = self._free[small]
        place = bisect.bisect_left(pool, size, key=lambda entry: entry[0])
        return pool.pop(place)[3] if place < len(pool) else None

    def _new_segment(self, size: int, small: bool) -> _Block | None:
        wanted = segment_size(size)
        if self._capacity is not None and self._reserved + wanted > self._capacity:
            self.retries += 1
            self._release()
            if self._reserved + wanted > self._capacity:
                return None
        self._segments += 1
        self._reserved += wanted
        self.most_reserved = max(self.most_reserved, self._reserved)
        return _Block(self._segments, 0, wanted, small)

    def _release(self) -> None:
        """Give back every segment that is wholly free."""
        for small, pool in self._free.items():
            whole = [entry for entry in pool if entry[3].before is None and entry[3].after is None]
            self._reserved -= sum(entry[0] for entry in whole)
            gone = {id(entry[3]) for entry in whole}
            self._free[small] = [entry for entry in pool if id(entry[3]) not in gone]

    def _split(self, block: _Block, size: int) -> None:
        rest = _Block(
            block.segment,
            block.at + size,
            block.size - size,
            block.small,
            before=block,
            after=block.after,
        )
        if block.after is not None:
            block.after.before = rest
        block.after, block.size = rest, size
        self._offer(rest)

    def _merge(self, one: _Block, other: _Block) -> _Block:
        first, second = (one, other) if one.at < other.at else (other, one)
        first.size += second.size
        first.after = second.after
        if second.after is not None:
            second.after.before = first
        return first

    def _offer(self, block: _Block) -> None:
        pool = self._free[block.small]
        bisect.insort(pool, (block.size, block.segment, block.at, block), key=lambda e: e[:3])

    def _forget(self, block: _Block) -> None:
        pool = self._free[block.small]
        key = (block.size, block.segment, block.at)
        del pool[bisect.bisect_left(pool, key, key=lambda entry: entry[:3])]
