"""Waits for a child whose output goes to a pipe that nobody reads."""

import subprocess
import sys

child = subprocess.Popen([sys.executable, "-c", "print('x' * (1 << 20))"], stdout=subprocess.PIPE)
print("culprit", child.pid, flush=True)
child.wait()
