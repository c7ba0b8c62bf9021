"""The live numbers of a run as a file for node_exporter's textfile collector.

Only gauges, in lines that are the Prometheus text format and OpenMetrics alike: the collector reads
the first, other readers the second. Nothing is imported for it: the supervisor stays small. Pure,
but for :class:`MetricsFile`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from probes import files
from probes.pulse import Pulse, Reader, Record
from runner.sampling import Sample

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Family:
    """A metric with its values by labels, those of the run left out."""

    name: str
    words: str
    values: tuple[tuple[Labels, float], ...]


def render(families: Iterable[Family], run: Labels) -> str:
    """The file's text; every value has the labels of ``run``. Families without a value, and values
    that are not finite, are left out."""
    lines = []
    for family in families:
        known = [(labels, value) for labels, value in family.values if math.isfinite(value)]
        if not known:
            continue
        lines += [f"# HELP {family.name} {escape(family.words)}", f"# TYPE {family.name} gauge"]
        for labels, value in known:
            pairs = ",".join(f'{name}="{escape(text)}"' for name, text in {**run, **labels}.items())
            lines.append(f"{family.name}{{{pairs}}} {_number(value)}")
    return "\n".join([*lines, "# EOF", ""])


def escape(text: str) -> str:
    """Anybody's text within quotes: one line, nothing that ends it, nothing but UTF-8."""
    clean = text.encode("utf-8", "replace").decode()
    return clean.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"").replace("\r", " ")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1 << 53 else repr(float(value))


def families(
    sample: Sample | None,
    pulse: Pulse | None,
    numbers: Mapping[str, float],
    outcome: str | None = None,
) -> list[Family]:
    """What is told of a run: its newest sample and pulse, the numbers that its job leaves, and at
    the end its outcome."""
    found = [
        _one("fwi_run_running", "1 while the run goes on, 0 after its end.", outcome is None),
        Family(
            "fwi_run_outcome",
            "1 for what the run ended in; absent while it goes on.",
            () if outcome is None else (({"outcome": outcome}, 1.0),),
        ),
    ]
    if sample is not None:
        found += [
            _one("fwi_host_pss_bytes", "PSS of the whole process tree.", sample.host_pss),
            _one("fwi_host_rss_bytes", "RSS of the tree, shared pages repeated.", sample.host_rss),
            _one("fwi_host_uss_bytes", "Private pages of the tree.", sample.host_uss),
            _one("fwi_shm_bytes", "In /dev/shm, beyond what was there before.", sample.shm),
            _one("fwi_processes", "Living processes of the tree.", sample.processes),
            Family(
                "fwi_device_used_bytes",
                "Device memory in use, by anybody.",
                tuple(
                    ({"device": str(index)}, float(used))
                    for index, used in sorted(sample.device_used.items())
                ),
            ),
            _one("fwi_torch_allocated_bytes", "Device memory in tensors.", sample.torch_allocated),
            _one(
                "fwi_torch_reserved_bytes",
                "Device memory that torch took from the driver.",
                sample.torch_reserved,
            ),
        ]
    if pulse is not None and pulse.number:
        found += [
            _one("fwi_step", "Steps done.", pulse.step),
            _one("fwi_steps", "Steps to do in all.", pulse.total or None),
        ]
    found += [
        _one("fwi_samples_per_second", "Samples learned from.", numbers.get("samples_per_s")),
        _one("fwi_loss", "Newest loss.", numbers.get("loss")),
        Family(
            "fwi_number",
            "Newest value of each number that the job leaves.",
            tuple(({"name": name}, value) for name, value in sorted(numbers.items())),
        ),
    ]
    return found


def _one(name: str, words: str, value: float | None) -> Family:
    return Family(name, words, () if value is None else (({}, float(value)),))


class MetricsFile:
    """Keeps the file up to date. Never raises: a file that cannot be written is said once."""

    def __init__(self, path: Path | None, run: str, job: str, say: Callable[[str], None]) -> None:
        self._path = path
        self._labels = {"run": run, "job": job}
        self._say = say
        self._said = False
        self._sample: Sample | None = None
        self._pulse: Pulse | None = None
        self._numbers: Mapping[str, float] = {}
        self._reader: Reader | None = None

    def look(self, _: float, reader: Reader) -> None:
        """Remember where the job's numbers are; reading them waits for the next sample."""
        self._reader = reader

    def sample(self, sample: Sample) -> None:
        if self._path is None:
            return
        self._sample = sample
        if self._reader is not None:
            self._pulse, self._numbers = self._reader.newest(), self._reader.gauges()
        self._write(None)

    def finish(self, outcome: str, record: Record | None = None) -> None:
        """What the run ended in, and the job's last words where they are known. Nothing is told
        any more of processes and of memory: they are gone."""
        self._sample = None
        if record is not None:
            self._pulse, self._numbers = record.pulse, record.gauges
        self._write(outcome)

    def _write(self, outcome: str | None) -> None:
        if self._path is None:
            return
        told = families(self._sample, self._pulse, self._numbers, outcome)
        stamp = _one("fwi_updated_seconds", "Unix time of these numbers.", round(time.time(), 3))
        try:
            # Not synced: a number that a crash of the machine takes away was of the past anyway.
            text = render([*told, stamp], self._labels)
            files.write_text(files.named(self._path), text, sync=False)
        except OSError as error:
            if not self._said:
                self._said = True
                self._say(f"--metrics-file {self._path} was not written: {error.strerror}")
