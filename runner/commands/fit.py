"""``fit``: what would fit on which device."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fwi import config
from runner import machine_json
from runner.commands.usage import UsageError, refuse
from runner.console import Console
from runner.fit_history import Key, Measured
from runner.options import Supervision

if TYPE_CHECKING:
    from runner.fit import Asked


@dataclass(frozen=True, kw_only=True)
class FitCommand:
    """Predict the device memory of networks, and the largest batch a device; no GPU is needed."""

    models: tuple[config.Model, ...] = ("specproj",)
    """Networks."""
    dtypes: tuple[config.Precision, ...] = ("fp16", "fp32")
    """Precisions; those of half precision with CUDA's casts."""
    modes: tuple[config.Mode, ...] = ("train",)
    """What is done with the network."""
    batch_sizes: tuple[int, ...] = (16,)
    """Samples a step."""
    activation_checkpointing: bool = False
    """As of the train job."""
    ema: bool = True
    """Whether an average of the weights is kept."""
    gpus: tuple[str, ...] = ("t4", "p100", "l4", "a10g", "a100-40", "h100")
    """Devices: t4 p100 v100 v100-32 rtx3090 rtx4090 l4 a10g a100-40 a100-80 h100 h200."""
    runs_dir: Path | None = None
    """Folder of the ledger whose runs refine the prediction. Default: $FWI_RUNS_DIR, else runs."""
    json: bool = False
    """Print a JSON list."""

    def __call__(self) -> int:
        from runner import past_overheads

        refuse(self._problems())
        runs = Supervision(runs_dir=self.runs_dir).runs()
        return _fit(self.asked(past_overheads.of(runs, _say)), self.json)

    def asked(self, overheads: Mapping[Key, Measured]) -> Asked:
        """``overheads`` is what earlier runs took of a device beside torch's memory. Raises
        KeyError for a device that is in no table."""
        from runner import fit as fitting

        return fitting.Asked(
            models=self.models,
            batch_sizes=self.batch_sizes,
            dtypes=self.dtypes,
            modes=self.modes,
            cards=fitting.cards(self.gpus),
            activation_checkpointing=self.activation_checkpointing,
            ema=self.ema,
            overheads=overheads,
        )

    def _problems(self) -> list[str]:
        from runner.cards import CARDS

        job = config.Footprint(
            models=self.models,
            dtypes=self.dtypes,
            modes=self.modes,
            batch_sizes=self.batch_sizes,
            activation_checkpointing=self.activation_checkpointing,
        )
        unknown = [name for name in self.gpus if name.lower() not in CARDS]
        return (
            config.problems(job)
            + [f"--gpus {name}: expected some of {', '.join(CARDS)}" for name in unknown]
            + ([] if self.gpus else ["--gpus: expected at least one"])
        )


def _say(text: str) -> None:
    print(f"fit: {text}", file=sys.stderr)


def _fit(wanted: Asked, as_json: bool) -> int:
    """Print what would fit on which device; nothing is run on one."""
    from runner import fit as fitting
    from runner.footprints import FootprintError

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
        print(machine_json.dumps([fitting.as_dict(one, wanted) for one in found]))
        return 0
    from runner.report import fit as page

    page.show(found, wanted)
    return 0
