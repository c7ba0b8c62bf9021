"""Maps a file and reads on after somebody has cut it: SIGBUS, and no want of shared memory."""

import mmap
import sys
from pathlib import Path

path = Path(sys.argv[1])
path.write_bytes(bytes(1 << 20))
with path.open("rb+") as file:
    pages = mmap.mmap(file.fileno(), 0)
    file.truncate(0)
    print(pages[1 << 19])
