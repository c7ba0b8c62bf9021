"""Is stopped, as by a debugger or Ctrl-Z."""

import os
import signal

os.kill(os.getpid(), signal.SIGSTOP)
