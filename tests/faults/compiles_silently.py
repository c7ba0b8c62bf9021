"""A child works hard for the seconds given, as a compiler does, and nobody says a word."""

import subprocess
import sys
from pathlib import Path

works = Path(__file__).with_name("computes_silently.py")
subprocess.run([sys.executable, works, sys.argv[1]], check=True)
