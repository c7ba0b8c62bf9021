"""``fit``: what would fit on which device."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fwi import config
from runner import fit_history
from runner.commands.usage import UsageError, refuse
from runner.console import Console
from runner.ledger import Ledger, LedgerError
from runner.options import Supervision
from runner.paths import ledger_path


@dataclass(frozen=True, kw_only=True)
class FitCommand:
    """Predict the device memory of networks, and the largest batch a device; no GPU is needed."""

    job: config.Footprint = field(default_factory=lambda: config.Footprint(batch_sizes=(16,)))
    gpus: tuple[str, ...] = ("t4", "p100", "l4", "a10g", "a100-40", "h100")
    """Devices: t4 p100 v100 v100-32 rtx3090 rtx4090 l4 a10g a100-40 a100-80 h100 h200."""
    runs_dir: Path | None = None
    """Folder of the ledger whose runs refine the prediction. Default: $FWI_RUNS_DIR, else runs."""
    json: bool = False
    """Print a JSON list."""

    def __call__(self) -> int:
        return _fit(self.job, self.gpus, Supervision(runs_dir=self.runs_dir).runs(), self.json)


def _fit(asked: config.Footprint, gpus: Sequence[str], runs: Path, as_json: bool) -> int:
    """Print what would fit on which device; nothing is run on one."""
    from runner import fit as fitting
    from runner.cards import CARDS
    from runner.footprints import FootprintError

    unknown = [name for name in gpus if name.lower() not in CARDS]
    refuse(
        config.problems(asked)
        + [f"--gpus {name}: expected some of {', '.join(CARDS)}" for name in unknown]
        + ([] if gpus else ["--gpus: expected at least one"])
    )
    wanted = fitting.Asked(
        models=asked.models,
        batch_sizes=asked.batch_sizes,
        dtypes=asked.dtypes,
        modes=asked.modes,
        cards=fitting.cards(gpus),
        activation_checkpointing=asked.activation_checkpointing,
        overheads=_overheads(runs),
    )
    console = Console(live=True)

    def say(text: str) -> None:
        console.live(lambda: f"footprint of {text}")

    try:
        found = fitting.fit(wanted, say)
    except FootprintError as error:
        raise UsageError(str(error)) from error
    finally:
        console.close()
    if as_json:
        print(json.dumps([fitting.as_dict(one, wanted) for one in found]))
        return 0
    from runner.report import fit as page

    page.show(found, wanted)
    return 0


def _overheads(runs: Path) -> dict[fit_history.Key, fit_history.Measured]:
    """Of the runs in a ledger; none where there is none, and said where it cannot be read."""
    if not ledger_path(runs).exists():
        return {}
    try:
        ledger = Ledger(ledger_path(runs), reading=True)
        try:
            return fit_history.overheads(ledger.measured())
        finally:
            ledger.close()
    except LedgerError as error:
        print(f"fit: earlier runs are not counted: {error}", file=sys.stderr)
        return {}
