"""``python -m runner``: the supervisor's command line."""

from __future__ import annotations

import sys

from runner import early


def main() -> int:
    with early.ending_at_once():
        from runner import cli
    try:
        return cli.main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
