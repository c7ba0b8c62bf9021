"""When two attempts failed alike: what they said, and where. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fwi import config
from probes.pulse import Record
from runner.evidence import Diagnosis
from runner.outcomes import Outcome

_LENGTH = 300
_SAYING = ("job", "output", "log", "message")
"""Sources of facts that are the job's own words."""

# What differs from one process to the next without meaning anything.
_PASSING = re.compile(
    r"0x[0-9a-fA-F]+"
    r"|/torch_\d+_\d+_\d+"
    r"|\b(?:pid|PID|[Pp]rocess|worker|thread|tid)(?:s|\(s\))?[ :=(]*\d+(?:, \d+)*"
    r"|(?<=[\]\d]):\d{4,5}\b"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*|\b\d\d:\d\d:\d\d\S*"
    r"|\b[\d.]+ ?(?:s|ms|seconds)\b"
    r"|\battempt-\d+|/tmp/\S+|\b[0-9a-f]{12,}\b"
)
_SIZE = re.compile(r"\d ?(?:[KMGT]i?B|bytes)\b", re.IGNORECASE)
_PRECISION = re.compile(r"\bin (fp16|bf16|fp32)\b")


@dataclass(frozen=True)
class Failure:
    """How an attempt ended, reduced to what two attempts can have in common."""

    outcome: Outcome
    signature: str = ""
    """The job's last words without numbers that only a process has; else the phase."""
    step: int | None = None
    """The last step that it pulsed; None where it never did."""
    precision: str | None = None
    """The number type of a network's job, where it is known."""

    @property
    def names_sizes(self) -> bool:
        """Whether the words hold sizes: they would differ had a change of options mattered."""
        return _SIZE.search(self.signature) is not None

    def is_same_as(self, other: Failure) -> bool:
        return (self.outcome, self.signature, self.step) == (
            other.outcome,
            other.signature,
            other.step,
        )


def failure_of(diagnosis: Diagnosis, record: Record | None, job: config.Job | None) -> Failure:
    """What the diagnosis and the flight recorder of an attempt come to."""
    said = next((fact.text for fact in diagnosis.facts if fact.source in _SAYING), "")
    pulsed = record is not None and record.pulse.number > 0
    phase = record.pulse.phase if record is not None and pulsed else ""
    return Failure(
        outcome=Outcome(diagnosis.outcome),
        signature=_PASSING.sub("…", said)[:_LENGTH] or phase,
        step=record.pulse.step if record is not None and pulsed else None,
        precision=_precision(job, said),
    )


def _precision(job: config.Job | None, said: str) -> str | None:
    if not isinstance(job, config.Train | config.Evaluate | config.Infer):
        return None
    if isinstance(job, config.Train) and job.fp16 is not None:
        return "fp16" if job.fp16 else "fp32"
    if job.dtype != "auto":
        return job.dtype
    found = _PRECISION.search(said)
    return found[1] if found else None


def deterministic(failure: Failure) -> str:
    """The sentence for a failure that came twice."""
    where = f" at step {failure.step}" if failure.step is not None else ""
    return f"the same failure{where} twice: it is deterministic"
