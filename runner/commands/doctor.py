"""``doctor``: what would make the next run fail or hang."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from runner import machine_json
from runner.commands.usage import reader_may_be_gone
from runner.options import Supervision
from runner.outcomes import EXIT_STATUS


@dataclass(frozen=True, kw_only=True)
class DoctorCommand:
    """Say what would make the next run fail or hang, and what mends it."""

    fix: bool = False
    """Mend what is safe: lost runs and what is left of them, stale segments and locks."""
    runs_dir: Path | None = None
    """Folder of the ledger and the runs. Default: $FWI_RUNS_DIR, else runs."""
    json: bool = False
    """Print the findings as one line of JSON."""

    def __call__(self) -> int:
        return _doctor(Supervision(runs_dir=self.runs_dir).runs(), self.fix, self.json)


def _doctor(runs: Path, fix: bool, as_json: bool) -> int:
    """Print what would make the next run fail; 3 where something would, else 0."""
    from runner import preflight

    checkup = preflight.examine(runs.absolute(), fix=fix)
    with reader_may_be_gone(sys.stdout):
        if as_json:
            content = {
                "schema": 1,
                "ok": checkup.is_well,
                "findings": [finding.as_dict() for finding in checkup.findings],
                "fixed": list(checkup.done),
            }
            print(machine_json.dumps(content), flush=True)
        else:
            from runner.report import checkup as page

            page.show(checkup)
    return 0 if checkup.is_well else EXIT_STATUS["error"]
