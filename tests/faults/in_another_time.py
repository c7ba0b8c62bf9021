"""Runs a program of this folder in a time namespace of its own, whose monotonic clock is the given
seconds before or after the machine's; time_namespaces(7)."""

import subprocess
import sys
import time
from pathlib import Path

# The kernel lets no clock of a namespace begin before its zero.
offset = max(int(sys.argv[1]), -int(time.monotonic() * 0.9))
program = Path(__file__).with_name(f"{sys.argv[2]}.py")
clocks = ["unshare", "--time", "--monotonic", str(offset), "--boottime", str(offset)]
sys.exit(subprocess.run([*clocks, sys.executable, program, *sys.argv[3:]]).returncode)
