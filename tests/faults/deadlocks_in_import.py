"""A module that at import starts a thread which imports the same module, and waits for it."""

import sys
import threading
from pathlib import Path

module = Path(sys.argv[1]) / "waits_for_itself.py"
module.write_text(
    "import threading\n"
    "def again():\n"
    "    from waits_for_itself import late\n"
    "thread = threading.Thread(target=again, daemon=True)\n"
    "thread.start()\n"
    "thread.join()\n"
    "late = 1\n"
)
sys.path.insert(0, sys.argv[1])
assert threading.active_count() == 1
import waits_for_itself  # noqa: E402, F401
