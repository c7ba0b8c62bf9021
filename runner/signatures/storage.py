"""Words about shared memory, disks, descriptors and network addresses.

All four may say "No space left on device" or name the same files: the order of the rows matters.
"""

from __future__ import annotations

from runner.outcomes import Outcome as O
from runner.signatures.signature import Rank, ending

_SHARES = (
    r"multiprocessing/(?:synchronize|shared_memory|heap)\.py|SemLock|_share_f(?:d|ilename)"
    r"|/dev/shm|shm_open|shmutils|/torch_\d+_"
)

STORAGE = (
    # Descriptors first: shared memory, NCCL and HDF5 run out of them as well.
    ending(
        O.ERROR_FD,
        r"Too many open files|received \d+ items of ancdata|\[Errno (?:24|23)\]|\bE[MN]FILE\b",
        r"errno = 24\b|\(os error 24\)|inotify (?:instance|watch)\w* limit",
        r"file ?descriptor out of range|too many file ?descriptors",
    ),
    ending(
        O.ERROR_FD,
        r"unable to open shared memory object <\S+> in read-write mode\s*$",
        also=[O.OOM_SHM],
    ),
    ending(O.ERROR_FD, r"^EOFError\s*:?\s*$", near=r"in recvfds\b", also=[O.OOM_SHM]),
    ending(
        O.OOM_SHM,
        r"[Uu]nexpected bus error encountered|killed by signal: Bus error",
        also=[O.CRASH_WORKER],
        is_bus=True,
    ),
    ending(
        O.OOM_SHM,
        r"Fatal Python error: Bus error|Signal: Bus error \(7\)|Caught signal 7 \(Bus error",
        also=[O.CRASH_SIGNAL],
        is_bus=True,
    ),
    ending(
        O.OOM_SHM,
        r"insufficient shared memory|out of shared memory",
        r"unable to (?:write to|resize|allocate shared memory\S* for|stat the) file </",
        r"unable to (?:open|allocate) shared memory.*(?:No space|\(28\))",
        r"unable to mmap \d+ bytes from file </torch_",
        r"No space left on device:? ['\x22]?(?:/dev/shm|/psm_|/torch_|/wnsm_)",
        r"(?:/torch_|/psm_|/dev/shm)\S*.{0,80}(?:No space left|\(28\))",
        r"Error while creating shared memory segment",
        r"[Nn]ot enough (?:shared memory|space in /dev/shm)|posix_fallocate failed ?: No space",
        r"shm_open.{0,60}No space|failed to extend /dev/shm|ObjectStoreFullError",
        r"object store is full",
    ),
    ending(O.OOM_SHM, r"No space left on device|\[Errno 28\]", near=_SHARES, also=[O.ERROR_DISK]),
    ending(
        O.ERROR_DISK,
        r"No space left on device|[Dd]isk quota exceeded|\[Errno (?:28|122|27)\]|\bENOSPC\b",
        r"\bEDQUOT\b|unexpected pos \d+ vs \d+|PytorchStreamWriter failed|write\(\): fd \d+ failed",
        r"[Ff]ile write failed|\(os error (?:28|122)\)|StorageFull|errno = (?:28|122)\b",
        r"[Ff]ile system (?:is )?full|database or disk is full|\b[Dd]isk (?:is )?full\b",
        r"[Nn]ot enough (?:free )?(?:disk space|space (?:on|left|to))|\d requested and \d+ written",
        r"No usable temporary directory|File too large|basic_ios::clear: iostream error",
        r"File size limit exceeded|[Cc]ould not write all bytes|\bwanted ?= ?\d+,? wrote ?= ?\d+",
        r"\b[Ww]rote (?:only )?\d+ of \d+ bytes|^(?:\w+\.)*(?:OS|IO|Runtime)?Error: [Ss]hort write\b",
    ),
    ending(
        O.ERROR_PORT,
        r"[Aa]ddress (?:is )?already in use|\bEADDRINUSE\b|errno: 98\b|\[Errno (?:98|48)\]",
        r"WinError 10048|failed to listen on any local network address",
        r"[Ff]ailed to bind (?:to )?(?:address|port|\S+:\d+)",
        r"[Pp]ort `?\d+`?.{0,40}(?:already )?in use|[Oo]nly one usage of each socket address",
        r"could not bind to port|Cannot find empty port",
        r"communication on port `?\d+`?, but another process",
    ),
    ending(
        O.ERROR_PYTHON,
        r"^(?:\w+\.)*(?:PermissionError|IsADirectoryError|NotADirectoryError)\b",
        also=[O.ERROR_DATA],
        rank=Rank.SYMPTOM,
    ),
)
