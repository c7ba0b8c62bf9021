"""``python -m runner``: the supervisor's command line."""

from __future__ import annotations

import sys


def _main() -> int:
    try:
        from runner.cli import main

        return main()
    except KeyboardInterrupt:
        # Before a run has begun, or in a command that runs nothing.
        return 130


if __name__ == "__main__":
    sys.exit(_main())
