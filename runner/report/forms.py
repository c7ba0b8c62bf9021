"""The form of ``result.json`` and ``run.json``, as far as a report reads them. What is beyond that
may be anything: a later version writes more."""

from __future__ import annotations

from runner.report.told import (
    amount,
    anything,
    by_name,
    fields,
    listed,
    maybe,
    number,
    seconds,
    text,
    whole,
)

_PEAKS = fields(
    {
        **dict.fromkeys(("host_pss", "host_rss", "host_uss", "shm"), maybe(amount)),
        **dict.fromkeys(("device_allocated", "device_reserved"), maybe(amount)),
        "device_used": by_name(amount),
    },
    {"host_holders": listed(fields({"name": text, "pid": whole, "bytes": amount}))},
)

_ATTEMPT = fields(
    {
        "n": whole,
        "outcome": text,
        "seconds": maybe(seconds),
        "step": maybe(whole),
        "peaks": _PEAKS,
        "next": maybe(text),
        "reason": maybe(text),
    },
    {
        "began_s": maybe(seconds),
        "changed": maybe(by_name(anything)),
        "sent": maybe(
            listed(fields({"at_s": seconds, "pid": whole, "signal": whole, "why": text}))
        ),
    },
)

_PHASE = fields(
    {
        "name": text,
        "count": whole,
        "seconds": seconds,
        "host_peak": maybe(amount),
        "device_peak": maybe(amount),
    }
)

_RANK = fields(
    {
        "rank": whole,
        "pid": maybe(whole),
        "phase": text,
        "step": whole,
        "seconds": by_name(seconds),
        "device_allocated": maybe(amount),
    }
)

_LEAKS = fields(
    {},
    {
        "processes": listed(fields({"pid": whole, "command": text, "gone": anything})),
        **dict.fromkeys(("shm", "ipc", "folders", "removed", "unsure"), listed(text)),
        "device_bytes": maybe(amount),
    },
)

_TIMES = ("spawn_s", "first_pulse_s", "ended_s", "detected_s", "reaped_s")

_SYSTEM = fields(
    {},
    {
        "least_available": maybe(amount),
        "least_swap_free": maybe(amount),
        "counters": maybe(by_name(whole)),
        "pressure": maybe(by_name(fields({}, dict.fromkeys(("some_s", "full_s"), maybe(seconds))))),
        "disks": maybe(listed(fields({"point": text, "total": amount, "free": amount}))),
        "open_files": maybe(fields({"name": text, "pid": whole, "open": whole, "limit": whole})),
        "foreigners": maybe(
            listed(
                fields({"device": whole, "pid": whole, "name": maybe(text), "held": maybe(amount)})
            )
        ),
        "group": maybe(
            fields(
                {},
                {
                    "limit": maybe(amount),
                    "most_used": maybe(amount),
                    "events": maybe(by_name(whole)),
                },
            )
        ),
    },
)

_GROWTH = fields(
    {
        "workers": whole,
        "per": text,
        "bytes_per_unit": amount,
        "rise": amount,
        "seconds": seconds,
    }
)

RESULT = fields(
    {
        "outcome": text,
        "evidence": listed(fields({"source": text, "text": text})),
        **dict.fromkeys(("also", "advice", "troubles"), listed(text)),
        "attempts": listed(_ATTEMPT),
        "peaks": _PEAKS,
        "phases": listed(_PHASE),
        "leaks": _LEAKS,
        "timing": fields({"started": text}, dict.fromkeys(_TIMES, maybe(seconds))),
    },
    {
        "gauges": by_name(maybe(number)),
        "recovery": fields({}, {"stopped": maybe(text)}),
        "ranks": maybe(listed(_RANK)),
        "ledger_notes": maybe(listed(text)),
        "growth": maybe(_GROWTH),
        "limit": maybe(fields({"source": text, "size": amount})),
        "system": maybe(_SYSTEM),
    },
)

DESCRIPTION = {
    "job": text,
    "supervisor": maybe(
        fields(
            {
                **dict.fromkeys(("boot", "place", "host"), maybe(text)),
                **dict.fromkeys(("pid", "start_ticks"), maybe(whole)),
            }
        )
    ),
    "started": text,
    "command": maybe(listed(anything)),
    "machine": maybe(
        fields(
            {},
            {
                "packages": by_name(maybe(text)),
                **dict.fromkeys(("memory", "memory_limit", "shm"), maybe(amount)),
            },
        )
    ),
}
"""By field: each can be left out alone."""
