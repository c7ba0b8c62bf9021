"""Names of the system calls that a thread may wait in (``/proc/<pid>/syscall`` has numbers)."""

from __future__ import annotations

import platform

_X86_64 = {
    0: "read", 1: "write", 2: "open", 3: "close", 7: "poll", 16: "ioctl", 17: "pread64",
    18: "pwrite64", 19: "readv", 20: "writev", 23: "select", 26: "msync", 34: "pause",
    35: "nanosleep", 40: "sendfile", 42: "connect", 43: "accept", 44: "sendto", 45: "recvfrom",
    46: "sendmsg", 47: "recvmsg", 56: "clone", 57: "fork", 58: "vfork", 61: "wait4", 65: "semop",
    69: "msgsnd", 70: "msgrcv", 72: "fcntl", 73: "flock", 74: "fsync", 75: "fdatasync",
    78: "getdents64", 82: "rename",
    87: "unlink", 128: "rt_sigtimedwait", 130: "rt_sigsuspend", 162: "sync", 165: "mount",
    202: "futex", 208: "io_getevents", 217: "getdents64", 220: "semtimedop",
    230: "clock_nanosleep", 232: "epoll_wait", 242: "mq_timedsend", 243: "mq_timedreceive",
    247: "waitid", 257: "openat", 262: "newfstatat",
    270: "pselect6", 271: "ppoll", 275: "splice", 281: "epoll_pwait", 288: "accept4",
    295: "preadv", 296: "pwritev", 326: "copy_file_range", 332: "statx", 426: "io_uring_enter",
    435: "clone3", 437: "openat2", 441: "epoll_pwait", 449: "futex_waitv", 455: "futex_wait",
}  # fmt: skip
_AARCH64 = {
    4: "io_getevents", 22: "epoll_pwait", 25: "fcntl", 29: "ioctl", 32: "flock", 35: "unlink",
    38: "rename", 40: "mount", 56: "openat", 57: "close", 61: "getdents64", 63: "read",
    64: "write", 65: "readv", 66: "writev", 67: "pread64", 68: "pwrite64", 69: "preadv",
    70: "pwritev", 71: "sendfile", 72: "pselect6", 73: "ppoll", 76: "splice", 79: "newfstatat",
    81: "sync", 82: "fsync", 83: "fdatasync", 95: "waitid", 98: "futex", 101: "nanosleep",
    115: "clock_nanosleep", 182: "mq_timedsend", 183: "mq_timedreceive", 188: "msgrcv",
    189: "msgsnd", 133: "rt_sigsuspend", 137: "rt_sigtimedwait", 192: "semtimedop",
    193: "semop", 202: "accept", 203: "connect", 206: "sendto", 207: "recvfrom", 211: "sendmsg",
    212: "recvmsg", 220: "clone", 227: "msync", 242: "accept4", 260: "wait4",
    285: "copy_file_range", 291: "statx", 426: "io_uring_enter", 435: "clone3", 437: "openat2",
    441: "epoll_pwait", 449: "futex_waitv", 455: "futex_wait",
}  # fmt: skip
_TABLE = {"x86_64": _X86_64, "aarch64": _AARCH64}.get(platform.machine(), {})

ON_A_FILE = frozenset(
    ("read", "write", "pread64", "pwrite64", "readv", "writev", "preadv", "pwritev", "ioctl",
     "sendfile", "connect", "accept", "accept4", "sendto", "recvfrom", "sendmsg", "recvmsg",
     "fcntl", "flock", "fsync", "fdatasync", "getdents64", "splice", "close")
)  # fmt: skip
"""Calls whose first argument is a file descriptor."""

ON_A_PATH = {"open": 0, "openat": 1, "openat2": 1, "newfstatat": 1, "statx": 1, "unlink": 0}
"""Calls with the name of a file, and which argument it is."""


def name(number: int) -> str:
    """``futex`` for 202 on x86-64; the number in words where it is not known."""
    return _TABLE.get(number, f"system call {number}")
