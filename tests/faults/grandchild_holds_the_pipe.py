"""Waits for a command's output; the command has ended, and what it started holds the pipe."""

import subprocess

started = "sleep 3600 & echo culprit $! >&2"
subprocess.run(["sh", "-c", started], stdout=subprocess.PIPE, check=True)
