"""Memory that a loader worker and the main process share: where a batch is put."""

from __future__ import annotations

import os
import tempfile
from typing import Any

import torch

from fwi.config import Sharing
from fwi.errors import DiskFullError


def shared_storage(count: int, sharing: Sharing) -> Any:
    """``count`` bytes that torch hands to another process without a copy.

    ``file_system`` takes an unnamed file in the folder for temporary files: no size of /dev/shm
    bounds it, and it vanishes with the last process that holds it, however that died. torch's own
    strategy of that name gives its files names, but puts them in /dev/shm too.

    Raises RuntimeError where /dev/shm is full, DiskFullError where the folder's disk is.
    """
    if sharing != "file_system":
        # The constructor of torch's own collate function.
        return torch.UntypedStorage._new_shared(count)  # type: ignore[no-untyped-call]
    folder = tempfile.gettempdir()
    descriptor = _unnamed_file(folder)
    try:
        # Now, as a page that the disk has no room for later is a SIGBUS.
        os.posix_fallocate(descriptor, 0, count)
        return torch.UntypedStorage._new_shared_fd_cpu(descriptor, count)  # type: ignore[attr-defined]
    except OSError as error:
        raise DiskFullError(
            f"{folder}: a batch of {count / 2**20:.0f} MiB cannot be put there "
            f"({error.strerror}); make room, name another folder with $TMPDIR, or use "
            "--sharing file_descriptor or --workers 0"
        ) from error
    finally:
        os.close(descriptor)


def _unnamed_file(folder: str) -> int:
    try:
        return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:  # not every file system has unnamed files
        descriptor, name = tempfile.mkstemp(prefix="batch-", dir=folder)
        os.unlink(name)
        return descriptor
