"""An interrupt before anything has begun: there is nothing to put away, and the exception that it
would be may be lost in an import, so that a job were started for nobody."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

_INTERRUPTED_STATUS = 130


@contextlib.contextmanager
def ending_at_once() -> Iterator[None]:
    """Inside, SIGINT ends the process; not where it is ignored, or somebody else's already."""
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED_STATUS))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
