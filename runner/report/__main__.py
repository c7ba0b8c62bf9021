"""``python -m runner.report RUNS RUN``: make the files of a report; what the supervisor starts when
a run is over."""

from __future__ import annotations

import sys
from pathlib import Path

from runner.paths import run_paths
from runner.report import pages


def main(runs: str, run: str) -> None:
    pages.write(Path(runs), run_paths(Path(runs), run))


if __name__ == "__main__":
    main(*sys.argv[1:])
