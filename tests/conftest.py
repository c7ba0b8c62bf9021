"""Fixtures that several packages' tests share."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from probes import cgroup


@pytest.fixture
def memory_cgroup() -> Iterator[Path]:
    """A memory cgroup of 64 MiB, of this test alone."""
    own = cgroup.memory_group()
    if own is None:
        pytest.skip("no memory cgroup here")
    folder = own.folder / f"test-{uuid.uuid4().hex}"
    limit = "memory.max" if own.version == 2 else "memory.limit_in_bytes"
    try:
        folder.mkdir()
        (folder / limit).write_text(str(64 << 20))
    except OSError as error:
        if folder.exists():
            folder.rmdir()
        pytest.skip(f"no memory cgroup can be made here: {error}")
    yield folder
    folder.rmdir()
