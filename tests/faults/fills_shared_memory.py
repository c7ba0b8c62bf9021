"""Writes more to a shared-memory segment than /dev/shm holds: a bus error, without a word."""

import resource
from multiprocessing import shared_memory

resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
segment = shared_memory.SharedMemory(create=True, size=16 << 20)
for at in range(0, segment.size, 4096):
    segment.buf[at] = 1
