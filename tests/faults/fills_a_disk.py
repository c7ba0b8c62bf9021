"""Writes more to the folder given than it has space for."""

import sys
from pathlib import Path

with (Path(sys.argv[1]) / "checkpoint").open("wb") as file:
    for _ in range(64):
        file.write(b"x" * (1 << 20))
