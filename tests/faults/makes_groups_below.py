"""Makes cgroups below its own, one in the other, and leaves a daemon with an empty environment in
the inner one. Prints the inner folder and the daemon's pid; ends well."""

import os
import sys
from pathlib import Path

from probes import cgroup_control

inner = cgroup_control.own_folders()[0] / "outer" / "inner"
inner.mkdir(parents=True)
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    Path(inner, "cgroup.procs").write_text("0")
    os.write(write, str(os.getpid()).encode())
    os.closerange(0, 64)
    os.execve(sys.executable, [sys.executable, "-c", "import time; time.sleep(3600)"], {})
print(inner)
print(os.read(read, 32).decode(), flush=True)
