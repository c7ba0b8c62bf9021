"""Enters a cgroup of version 2 and freezes it, itself included."""

import sys
import time
from pathlib import Path

group = Path(sys.argv[1])
(group / "cgroup.procs").write_text("0")
(group / "cgroup.freeze").write_text("1")
time.sleep(3600)
