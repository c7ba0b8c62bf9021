"""The result of a run in the form of the contract (``result.json``, schema 1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from runner import attempts, encodable, rank_facts, system_watch
from runner.attempt_end import AttemptEnd, Timing
from runner.attempts import Finished
from runner.evidence import Diagnosis
from runner.outcomes import Outcome, exit_status
from runner.sampling import Peaks

SCHEMA = 1


@dataclass(frozen=True)
class Result:
    """A run that is over."""

    run: str
    job: str
    diagnosis: Diagnosis
    """Of the last attempt, or of the end that the run was brought to after it."""
    attempts: tuple[Finished, ...]
    retries: int = 0
    stopped: str | None = None
    """Why no further attempt was made; None where none was needed or asked for."""
    found: Mapping[str, Any] = field(default_factory=dict)
    """How an option of the job was found, where somebody asked for that; JSON types."""
    troubles: tuple[str, ...] = ()
    """What of the run could not be recorded, beside the troubles of its attempts."""

    @property
    def end(self) -> AttemptEnd:
        """Of the last attempt."""
        return self.attempts[-1].end

    @property
    def peaks(self) -> Peaks:
        """Over all attempts."""
        return attempts.peaks_over_all(self.attempts)

    @property
    def timing(self) -> Timing:
        """Of the whole run."""
        return attempts.timing_of_run(self.attempts)

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.diagnosis.outcome)

    @property
    def ok(self) -> bool:
        return self.outcome is Outcome.OK

    def exit_status(self, passthrough: bool = False) -> int:
        """What ``python -m runner`` ends with; the job's own status when asked for."""
        evidence = self.end.evidence
        if passthrough and evidence.exit_code is not None:
            return evidence.exit_code
        if passthrough and evidence.signal is not None:
            return 128 + evidence.signal
        return exit_status(self.outcome)

    def as_dict(self) -> dict[str, Any]:
        """JSON types; bytes of names and paths that are not UTF-8 are written as ``\\xff``."""
        end, diagnosis = self.end, self.diagnosis
        content = {
            "schema": SCHEMA,
            "run": self.run,
            "job": self.job,
            "outcome": diagnosis.outcome,
            "ok": self.ok,
            "confidence": diagnosis.confidence,
            "exit_code": end.evidence.exit_code,
            "signal": end.evidence.signal,
            "evidence": [asdict(fact) for fact in diagnosis.facts],
            "also": list(diagnosis.also),
            "advice": list(diagnosis.advice),
            "attempts": [one.summary() for one in self.attempts],
            "recovery": {"retries": self.retries, "stopped": self.stopped},
            **({"found": dict(self.found)} if self.found else {}),
            "peaks": attempts.peaks_dict(self.peaks),
            **attempts.ledgers_over_all(self.attempts),
            "phases": phases(end),
            "ranks": rank_facts.table(end.evidence.ranks),
            "gauges": dict(end.record.gauges) if end.record else {},
            "leaks": attempts.leaks_over_all(self.attempts),
            "timing": {
                key: round(value, 6) if isinstance(value, float) else value
                for key, value in asdict(self.timing).items()
            },
            "system": system_watch.as_dict(end.evidence.system) if end.evidence.system else None,
            "output_bytes": end.output_bytes,
            "troubles": list(
                dict.fromkeys(
                    [
                        *(said for one in self.attempts for said in one.end.troubles),
                        *self.troubles,
                    ]
                )
            ),
        }
        told: dict[str, Any] = encodable.data(content)
        return told


def phases(end: AttemptEnd) -> list[dict[str, Any]]:
    """Each phase with its count, seconds, and peaks in bytes (None: no sample fell into it)."""
    if end.record is None:
        return []
    found = []
    for phase in end.record.phases:
        peak = end.phase_peaks.get(phase.name)
        found.append(
            {
                "name": phase.name,
                "count": phase.count,
                "seconds": round(phase.seconds, 6),
                "host_peak": peak.host if peak else None,
                "device_peak": peak.device if peak else None,
            }
        )
    return found
