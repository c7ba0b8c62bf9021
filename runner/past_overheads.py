"""What the runs in a ledger took of their devices beside torch's memory, for those that predict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from runner import fit_history
from runner.fit_history import Key, Measured
from runner.ledger import Ledger, LedgerError
from runner.paths import ledger_path


def of(runs: Path, say: Callable[[str], None]) -> Mapping[Key, Measured]:
    """None where there is no ledger yet; and where it cannot be read, which is said."""
    if not ledger_path(runs).exists():
        return {}
    try:
        ledger = Ledger(ledger_path(runs), reading=True)
        try:
            return fit_history.overheads(ledger.measured())
        finally:
            ledger.close()
    except LedgerError as error:
        say(f"earlier runs are not counted: {error}")
        return {}
