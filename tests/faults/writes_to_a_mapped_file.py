"""Maps a file that is larger than the disk of the folder given, and writes to all of its pages."""

import mmap
import sys
from pathlib import Path

with (Path(sys.argv[1]) / "cube").open("wb+") as file:
    file.truncate(64 << 20)
    pages = mmap.mmap(file.fileno(), 0)
    for start in range(0, len(pages), mmap.PAGESIZE):
        pages[start] = 1
