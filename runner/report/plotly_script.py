"""plotly.js as a page carries it: compressed, with the digest that lets it run.

The library comes with the Python package ``plotly``, of which nothing is imported: only the file is
read. Compressed it is a third of its size; the page's own script unpacks it with the browser's
``DecompressionStream``.
"""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Packed:
    base64: str
    """Of the gzip-compressed script."""
    digest: str
    """``sha256-…`` of the script itself, for the page's Content-Security-Policy."""


class NoPlotly(Exception):
    """The package is not installed, or without its script."""


@functools.cache
def packed() -> Packed:
    """Raises NoPlotly."""
    try:
        script = _path().read_bytes()
    except OSError as error:
        raise NoPlotly(f"plotly.js cannot be read ({error}): pip install plotly") from error
    return Packed(base64.b64encode(gzip.compress(script, 4, mtime=0)).decode(), digest(script))


def _path() -> Path:
    found = importlib.util.find_spec("plotly")
    for folder in (found.submodule_search_locations or ()) if found else ():
        return Path(folder) / "package_data" / "plotly.min.js"
    raise NoPlotly("the package plotly is not installed: pip install plotly")


def digest(script: bytes) -> str:
    """As a Content-Security-Policy names a script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script).digest()).decode()
