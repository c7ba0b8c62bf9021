"""Ends well and leaves a shared-memory segment that only it ever used."""

from multiprocessing import resource_tracker, shared_memory

segment = shared_memory.SharedMemory(create=True, size=1 << 20)
resource_tracker.unregister(segment._name, "shared_memory")
segment.buf[0] = 1
segment.close()
