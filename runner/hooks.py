"""What an attempt tells while it runs, and to whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from probes.pulse import Pulse, Reader
from runner.sampling import Sample, Sampler


@dataclass(frozen=True)
class Hooks:
    """Called from the thread that watches; none may block or raise."""

    live: Callable[[Pulse, Sampler, float, Mapping[str, float]], str]
    """The live line, from the newest pulse, what was sampled, the seconds since the last progress
    and the job's numbers."""
    on_sample: Callable[[Sample], None]
    on_look: Callable[[float, Reader], None]
    """Several times a second: the time on the monotonic clock, and the flight recorder."""
