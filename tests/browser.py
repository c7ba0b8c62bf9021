"""A real Chromium for tests of pages, where the system has one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def why_not() -> str | None:
    """Why there is no browser to test with; None where there is one."""
    if _path() is None:
        return "no Chromium on this machine (`make browser` installs Debian's); $CHROMIUM names one"
    try:
        import playwright  # noqa: F401
    except ImportError as error:
        return f"playwright cannot be imported: {error}"
    return None


def _path() -> str | None:
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Headless, with a new and empty profile, and no traffic of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=_path(), args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()
