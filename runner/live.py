"""The live line: where the job is, what it holds, and how old its last pulse is."""

from __future__ import annotations

from collections.abc import Mapping

from probes.pulse import Pulse
from runner.sampling import Sampler
from runner.units import duration, size


def live_line(
    job: str, pulse: Pulse, sampler: Sampler, quiet_s: float, gauges: Mapping[str, float]
) -> str:
    """``train forward  step 120/400  MAE 512.3 m/s  host 1.9 GiB (3)  pulse 0.3 s ago``."""
    parts = [f"{job} {pulse.phase or 'startup'}"]
    if pulse.total:
        parts.append(f"step {pulse.step}/{pulse.total}")
    elif pulse.step:
        parts.append(f"step {pulse.step}")
    for name, words in (("loss", "loss {:.1f}"), ("mae", "MAE {:.1f} m/s")):
        if name in gauges:
            parts.append(words.format(gauges[name]))
    newest = sampler.newest
    if newest is not None:
        held = newest.host_pss if newest.host_pss is not None else newest.host_rss
        parts.append(f"host {size(held)} ({newest.processes})")
    parts += [f"GPU {one.index} {size(one.used)}" for one in sampler.devices_in_use]
    parts.append(
        f"pulse {duration(quiet_s)} ago" if pulse.number else f"silent {duration(quiet_s)}"
    )
    return "  ".join(parts)
