"""Where what can be made again is kept."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path:
    """Folder for what can be made again: $FWI_CACHE_DIR, else the user's cache folder."""
    if chosen := os.environ.get("FWI_CACHE_DIR"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "fwi-runner"
