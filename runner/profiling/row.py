"""What a profile knows of one configuration. Data; JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner.outcomes import Outcome
from runner.profiling.configuration import Configuration, parse
from runner.report import told
from runner.report.told import amount, by_name, fields, maybe, text

SKIPPED = "skipped"
"""In place of an outcome: it was not run, for the reason that the row gives."""
_COME_AGAIN = (Outcome.INTERRUPTED.value, Outcome.LOST.value)


def _total(value: Any) -> str | None:
    return told.listed(amount)(value) if isinstance(value, list) and len(value) == 3 else ""


_BY = ("by_kind", "by_module", "by_phase")
_STEADY = fields({"bytes": amount, **dict.fromkeys(_BY, by_name(amount))})
_MEASURED = fields(
    {
        "tensors": fields({"steady": _STEADY}),
        "host": fields({}, dict.fromkeys(("peak_rss", "workers_uss"), maybe(amount))),
        "samples_per_s": maybe(amount),
    },
    {"device_memory": maybe(fields({"peak_reserved": amount}))},
)
_FORM = fields(
    {
        **dict.fromkeys(("configuration", "outcome", "why"), text),
        "run": maybe(text),
        "seconds": maybe(told.seconds),
        "predicted": maybe(fields({"tensors": amount, "total": _total})),
        "measured": maybe(_MEASURED),
        "peaks": maybe(fields({}, dict.fromkeys(("device", "device_overhead"), maybe(amount)))),
    }
)
"""Of a row's file, as far as it is read."""


@dataclass(frozen=True)
class Predicted:
    """Without running anything."""

    tensors: int
    """Bytes: the largest moment of the steady step."""
    total: tuple[int, int, int]
    """Bytes of the process, on the host or the device that computes: least, likely, most."""


@dataclass(frozen=True)
class Row:
    configuration: Configuration
    outcome: str
    """Of the run; ``skipped`` where there was none."""
    why: str = ""
    """Of what is not ``ok``."""
    run: str | None = None
    seconds: float | None = None
    predicted: Predicted | None = None
    measured: Mapping[str, Any] | None = None
    """What the measure job wrote."""
    peaks: Mapping[str, Any] | None = None
    """Of the run, as the supervisor saw them."""

    @property
    def is_done(self) -> bool:
        """Whether it has come to an end: it was not stopped from outside."""
        return self.outcome not in _COME_AGAIN

    @property
    def is_measured(self) -> bool:
        return self.measured is not None

    @property
    def steady(self) -> Mapping[str, Any]:
        """The peak of the steady step: bytes, by kind, module and phase. Empty where unmeasured."""
        return self.measured["tensors"]["steady"] if self.measured else {}

    @property
    def tensors(self) -> int | None:
        """Bytes at the peak of the steady step."""
        return int(self.steady["bytes"]) if self.steady else None

    @property
    def host(self) -> int | None:
        """Bytes: the largest resident size of the process, and its workers' own pages."""
        host = self.measured["host"] if self.measured else {}
        own = host.get("peak_rss")
        return None if own is None else int(own) + int(host.get("workers_uss") or 0)

    @property
    def device(self) -> int | None:
        """Bytes that the process took from the device: what torch reserved at the most, and what
        lay beside it, where the driver told whose memory is whose; else everybody's."""
        memory = self.measured.get("device_memory") if self.measured else None
        if not memory:
            return None
        reserved, peaks = int(memory["peak_reserved"]), self.peaks or {}
        if (overhead := peaks.get("device_overhead")) is not None:
            return reserved + int(overhead)
        return max(reserved, int(peaks.get("device") or 0))

    @property
    def held(self) -> int | None:
        """Bytes where it computed: of the device, or of the host."""
        return self.device if self.device is not None else self.host

    @property
    def samples_per_s(self) -> float | None:
        rate = self.measured["samples_per_s"] if self.measured else None
        return None if rate is None else float(rate)

    def as_dict(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "configuration": self.configuration.key,
            "outcome": self.outcome,
            "why": self.why,
            "run": self.run,
            "seconds": self.seconds,
            "predicted": None
            if self.predicted is None
            else {"tensors": self.predicted.tensors, "total": list(self.predicted.total)},
            "measured": self.measured,
            "peaks": self.peaks,
        }


def row_of(found: Mapping[str, Any]) -> Row:
    """From ``as_dict``. Raises ValueError for anything else."""
    where = told.place(_FORM, found)
    if where is not None:
        raise ValueError(f"it is no row: damaged at {where}")
    predicted = found["predicted"]
    least, likely, most = predicted["total"] if predicted else (0, 0, 0)
    measured = found["measured"]
    return Row(
        configuration=parse(found["configuration"]),
        outcome=str(found["outcome"]),
        why=str(found["why"]),
        run=found["run"],
        seconds=found["seconds"],
        predicted=Predicted(int(predicted["tensors"]), (int(least), int(likely), int(most)))
        if predicted
        else None,
        measured=measured,
        peaks=found["peaks"],
    )
