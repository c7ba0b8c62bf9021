"""What kinds of pages a process holds, from the sums of its ``smaps_rollup``. Pure.

The kernel gives PSS by anonymous, file and shared memory, and private and shared pages, clean and
dirty, but not the two crossed: how much of the anonymous memory is shared with a parent or a
sibling since the fork (copy-on-write) is not among the sums. It follows from them:

- A page that is shared has at least two holders, so its part of PSS is at most half of its size:
  of the shared memory, ``private >= 2 * Pss_Shmem - Rss_Shmem``, and exactly that much where the
  shared pages have two holders, as a batch has that a worker made and the main process reads.
- Private dirty pages are anonymous, or shared memory that one process alone maps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Pages:
    """Bytes of PSS by kind; they add up to it."""

    private: int = 0
    """Anonymous memory of this process alone."""
    inherited: int = 0
    """Its part of anonymous memory that is shared since a fork, until somebody writes to it."""
    shmem: int = 0
    """Its part of shared memory: /dev/shm, memfd, shared anonymous mappings."""
    file: int = 0
    """Its part of mapped files: programs, libraries, data; the kernel can drop the clean ones."""
    locked: int = 0
    """Locked by mlock, whatever its kind; these are counted above, too."""

    @property
    def total(self) -> int:
        return self.private + self.inherited + self.shmem + self.file

    def __add__(self, other: Pages) -> Pages:
        return Pages(
            self.private + other.private,
            self.inherited + other.inherited,
            self.shmem + other.shmem,
            self.file + other.file,
            self.locked + other.locked,
        )


def of(rollup: Mapping[bytes, int]) -> Pages | None:
    """From the fields of a rollup, in bytes; None where the kernel (before 5.3) does not tell PSS
    by kind."""
    try:
        anonymous, shmem, file = rollup[b"Pss_Anon"], rollup[b"Pss_Shmem"], rollup[b"Pss_File"]
        resident = rollup[b"Anonymous"]
        private_dirty, shared_dirty = rollup[b"Private_Dirty"], rollup[b"Shared_Dirty"]
    except KeyError:
        return None
    resident_shmem = max(shmem, private_dirty + shared_dirty - resident)
    private_shmem = min(max(0, 2 * shmem - resident_shmem), shmem, private_dirty)
    least = max(0, 2 * anonymous - resident)
    private = min(anonymous, max(least, private_dirty - private_shmem))
    return Pages(
        private=private,
        inherited=anonymous - private,
        shmem=shmem,
        file=file,
        locked=rollup.get(b"Locked", 0),
    )
