"""What is known of an attempt once it is over. Data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from probes.pulse import Record
from runner.evidence import Evidence
from runner.leaks import Leaks
from runner.ledgers import Ledgers
from runner.sampling import Peaks, PhasePeak


@dataclass(frozen=True)
class Timing:
    """Seconds since ``started`` (UTC, ISO 8601); None: it did not come to that."""

    started: str
    spawn_s: float
    first_pulse_s: float | None
    ended_s: float
    """When the job's first process had ended."""
    detected_s: float | None
    """When a stall or the deadline was noticed."""
    reaped_s: float
    """When nothing of the tree was left, or was given up."""


@dataclass(frozen=True)
class AttemptEnd:
    """Everything that is known of an attempt once it is over."""

    evidence: Evidence
    timing: Timing
    peaks: Peaks
    phase_peaks: Mapping[str, PhasePeak]
    leaks: Leaks
    record: Record | None
    output_bytes: int
    is_mid_line: bool = False
    """Whether what the job wrote to its standard output, and we to ours, does not end a line."""
    troubles: tuple[str, ...] = ()
    """What could not be recorded or measured."""
    ledgers: Ledgers = field(default_factory=Ledgers)
