"""What kind of file system a path is on."""

from __future__ import annotations

import os
from pathlib import Path

from probes import procfs

_SHARED = {
    "9p", "afs", "beegfs", "ceph", "cifs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs",
    "nfs4", "ocfs2", "panfs", "pvfs2", "smb3", "smbfs", "virtiofs",
}  # fmt: skip


def kind(path: Path) -> str | None:
    """``ext4``, ``tmpfs``, ``nfs4``, ``fuse.sshfs`` …; None where it is not told."""
    raw = procfs.read("/proc/self/mountinfo", 1 << 22)
    return kind_of(os.path.realpath(path), raw.decode("utf-8", "replace")) if raw else None


def kind_of(path: str, mountinfo: str) -> str | None:
    """The kind of the innermost mount that holds ``path``, absolute and without links (pure).

    ``mountinfo`` is the text of proc_pid_mountinfo(5).
    """
    longest, found = -1, None
    for line in mountinfo.splitlines():
        mount, separator, rest = line.partition(" - ")
        words = mount.split()
        if not separator or len(words) < 5:
            continue
        point = _unescape(words[4]).rstrip("/")
        # A later mount on the same point covers the earlier one.
        if (path == point or path.startswith(point + "/")) and len(point) >= longest:
            longest, found = len(point), rest.split()[0]
    return found


def is_shared(path: Path) -> bool:
    """Whether other machines may have the same files open (and memory is not shared with them)."""
    found = kind(path)
    return found is not None and (found in _SHARED or found.startswith("fuse."))


def _unescape(text: str) -> str:
    for code, sign in (("040", " "), ("011", "\t"), ("012", "\n"), ("134", "\\")):
        text = text.replace(f"\\{code}", sign)
    return text
