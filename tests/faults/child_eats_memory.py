"""A child, no loader worker, is killed by the kernel for memory; the parent then fails."""

import subprocess
import sys
from pathlib import Path

eats = Path(__file__).with_name("eats_memory_in_a_cgroup.py")
subprocess.run([sys.executable, eats, sys.argv[1]], check=True)
