"""Cannot have the device while the file named is there: somebody else holds it."""

import sys
from pathlib import Path

from probes import pulse

pulse.attach()
if Path(sys.argv[1]).exists():
    pulse.fail("oom.device.foreign", "another process holds the device")
    sys.exit(1)
