"""Reads its child's output to the end, while the child fills the pipe of its errors in one call.
Done by half, that call would not be repeated: looking at the child must not end it."""

import subprocess
import sys

child = subprocess.Popen(
    [sys.executable, "-u", "-c", "import sys; sys.stderr.write('x' * 10_000_000)"],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
)
print("culprit", child.pid, flush=True)
assert child.stdout is not None
child.stdout.read()
