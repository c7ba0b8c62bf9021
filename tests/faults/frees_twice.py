"""Hands the same memory back twice: the C library notices and aborts."""

import ctypes
import resource

resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
block = libc.malloc(4000)
libc.free(block + 16)
