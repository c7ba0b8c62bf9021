"""Fixtures that several packages' tests share."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from probes import cgroup


def pytest_configure(config: pytest.Config) -> None:
    # Hundreds of tests start Python anew: without the bytecode each would compile every module.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # A shell without job control has a background command ignore it, and so what that starts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.getoption("numprocesses", None):
        # Threads that wait for each other spin, at the cost of the tests beside them.
        os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Of files that are run side by side the longest must not be begun last.
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session", autouse=True)
def temporary_folder() -> Iterator[None]:
    """A folder for temporary files of these tests alone: what other programs make and leave in the
    common one meanwhile would stand in the reports of runs. Its name is short, since sockets are
    made in it."""
    before = os.environ.get("TMPDIR")
    folder = tempfile.mkdtemp(prefix="fwi-")
    os.environ["TMPDIR"] = folder
    yield
    if before is None:
        del os.environ["TMPDIR"]
    else:
        os.environ["TMPDIR"] = before
    shutil.rmtree(folder, ignore_errors=True)


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
