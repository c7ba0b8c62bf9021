"""One call into C that keeps the interpreter's lock and never comes back; another thread waits for
its turn."""

import re
import threading
import time


def beside() -> None:
    while True:
        time.sleep(0.1)


threading.Thread(target=beside, daemon=True).start()
re.match("(a+)+$", "a" * 60 + "b")
