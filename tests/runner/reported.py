"""Runs to be reported, as data: what a long training run would leave, and what a hostile one."""

from __future__ import annotations

import math
import random
from typing import Any

from runner.ledger import Event
from runner.report.material import Material
from runner.report.timeline import Mix, Samples, Series

MIB, GIB = 1 << 20, 1 << 30
RUN = "20260314-091500-train-specproj-7f3a"
_PHASES = ("data", "transfer", "forward", "backward", "optimizer", "ema")
HOSTILE = (
    "</script><script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "\x1b[31mred\x1b[0m \x00 nul",
    "\u202ereversed\u2066 \u2028 \u2029",
    "@host_pss & 'quotes' \"double\" `ticks`",
    "x" * 5000,
)


def samples(count: int, period_s: float, *, spike_at: int | None = None) -> Samples:
    """Of a run of two attempts with a device, with one look that stands out."""
    chance = random.Random(1)
    at_s = [n * period_s for n in range(count)]
    phases, pss = [], []
    for n in range(count):
        place = n % 600
        phases.append(
            "startup" if n < 40 else "evaluate" if place > 540 else chance.choice(_PHASES)
        )
        wave = 0.1 * math.sin(n / 20) + 0.05 * chance.random()
        pss.append(int((1.1 + 0.6 * n / count + wave) * GIB))
    pss[count // 3 if spike_at is None else spike_at] = int(2.9 * GIB)
    held = [(9 if phase == "backward" else 6) * GIB for phase in phases]
    return Samples(
        at_s=at_s,
        attempt=[1 if n < 0.4 * count else 2 for n in range(count)],
        phase=phases,
        step=list(range(count)),
        columns={
            "host_pss": pss,
            "host_rss": [int(1.6 * held) for held in pss],
            "host_uss": [int(0.6 * held) for held in pss],
            "shm": [48 * MIB] * count,
            "torch_allocated": held,
            "torch_reserved": [10 * GIB] * count,
            "device_used.0": [int(11.2 * GIB)] * count,
        },
    )


def curves(count: int, period_s: float) -> list[Series]:
    chance = random.Random(2)
    at_s = [n * period_s for n in range(count)]
    end_s = at_s[-1]
    epochs = [600 * period_s * n for n in range(1, count // 600 + 1)] or [end_s / 2, end_s]
    falls = [600 * math.exp(-2 * at / end_s) + 200 for at in at_s]
    return [
        Series("loss", at_s, [value + chance.gauss(0, 20) for value in falls]),
        Series("mae", epochs, [550 * math.exp(-n / 3) + 260 for n in range(len(epochs))]),
        Series("epoch", epochs, [n + 1 for n in range(len(epochs))]),
    ]


def result(end_s: float) -> dict[str, Any]:
    """As result.json has it."""
    peaks = {
        "host_pss": int(2.9 * GIB),
        "host_rss": 4 * GIB,
        "host_uss": GIB,
        "shm": 48 * MIB,
        "device_used": {"0": int(11.2 * GIB)},
        "device_allocated": 9 * GIB,
        "device_reserved": 10 * GIB,
        "host_holders": [
            {"pid": 100, "name": "python", "bytes": 2 * GIB},
            {"pid": 101, "name": "pt_data_worker", "bytes": 900 * MIB},
        ],
    }
    attempt = {"seconds": 0.4 * end_s, "step": 100, "peaks": peaks, "changed": {}, "leaks": {}}
    sent = [{"at_s": 0.39 * end_s, "pid": 100, "signal": 15, "why": "it stalled"}]
    return {
        "schema": 1,
        "run": RUN,
        "job": "train",
        "outcome": "oom.device.capacity",
        "ok": False,
        "confidence": 0.9,
        "exit_code": 1,
        "signal": None,
        "evidence": [{"source": "log", "text": "torch.OutOfMemoryError: CUDA out of memory"}],
        "also": ["oom.device.fragmentation"],
        "advice": ["halve --batch-size"],
        "attempts": [
            {**attempt, "n": 1, "outcome": "hang.dataloader", "began_s": 0.0, "sent": sent}
            | {"next": "with --workers 0", "reason": "a worker hung"},
            {**attempt, "n": 2, "outcome": "oom.device.capacity", "began_s": 0.4 * end_s}
            | {"next": None, "reason": None},
        ],
        "recovery": {"retries": 1, "stopped": "no attempt is left"},
        "peaks": peaks,
        "phases": [
            {
                "name": name,
                "count": 40,
                "seconds": 12.5,
                "host_peak": GIB,
                "device_peak": None,
            }
            for name in _PHASES
        ],
        "gauges": {
            "loss": 277.9,
            "mae": 339.9,
            "bytes.parameters": 30.0 * MIB,
            "bytes.gradients": 30.0 * MIB,
            "bytes.activations": 347.0 * MIB,
        },
        "leaks": {"processes": [], "shm": ["torch_100_1"], "device_bytes": 0},
        "timing": {
            "started": "2026-03-14T09:15:00Z",
            "spawn_s": 0.004,
            "first_pulse_s": 1.2,
            "ended_s": end_s,
            "detected_s": None,
            "reaped_s": end_s + 0.1,
        },
        "system": {
            "least_available": 3 * GIB,
            "pressure": {"memory": {"some_s": 12.0, "full_s": 3.0, "full_percent": 9.0}},
            "disks": [{"point": "/", "total": 100 * GIB, "free": 3 * GIB}],
        },
        "troubles": [],
    }


LEDGERS = {
    "device": {
        "predicted": {"parameters": 30 * MIB, "activations": 5800 * MIB, "context": 400 * MIB},
        "allocated": {"parameters": 30 * MIB, "activations": 6100 * MIB, "temporaries": 500 * MIB},
    },
}
TREE = {
    "name": "network",
    "bytes": 6100 * MIB,
    "children": [
        {"name": "encoder", "bytes": 3800 * MIB, "children": [{"name": "0", "bytes": 3 * GIB}]},
        {"name": "decoder", "bytes": 2300 * MIB},
    ],
}


HELD = {
    "schema": 1,
    "phases": {"evaluate": {"bytes": 90 * MIB, "by_kind": {"parameters": 90 * MIB}}},
    "first": {"bytes": 300 * MIB, "by_kind": {"parameters": 90 * MIB, "activations": 210 * MIB}},
    "steady": {
        "bytes": 400 * MIB,
        "phase": "backward",
        "by_kind": {"activations": 210 * MIB, "parameters": 90 * MIB, "optimizer": 100 * MIB},
        "by_module": {
            "": 400 * MIB,
            "encoder": 250 * MIB,
            "encoder.0": 200 * MIB,
            "decoder": 50 * MIB,
        },
        "largest": [
            {"bytes": 7 * MIB, "kind": "activations", "module": "encoder.0", "phase": "forward"}
        ],
    },
}


def spent(count: int, period_s: float) -> list[Mix]:
    return [
        Mix(
            n * period_s,
            (n + 1) * period_s,
            {"forward": 0.4 * period_s, "backward": 0.6 * period_s},
        )
        for n in range(count)
    ]


def material(count: int = 1200, period_s: float = 1.0) -> Material:
    """A long run of two attempts with everything that a report can have."""
    end_s = count * period_s
    stall = "no progress for 600.0 s in phase data; looking at its threads"
    return Material(
        run=RUN,
        state="done",
        description={
            "job": "train",
            "command": ["python", "-m", "fwi", "train"],
            "machine": {"host": "node1", "memory": 24 * GIB, "packages": {"torch": "2.13.0"}},
        },
        result=result(end_s) | {"ledgers": LEDGERS, "attribution": TREE},
        samples=samples(count, period_s),
        curves=curves(count, period_s),
        held=HELD,
        spent=spent(count, period_s),
        events=[Event(1, 0.38 * end_s, "stall", stall), Event(2, 0.9 * end_s, "note", "a note")],
        output="epoch 1/3\nepoch 2/3\n",
        stacks="Thread 1 (main)\n  wait (threading.py:320)\n",
    )


def hostile() -> Material:
    """A run whose job wrote what it could into everything that it can name."""
    end_s = 20.0
    words = " ".join(HOSTILE)
    facts = result(end_s)
    name = HOSTILE[0]
    bad = Series(name, [0.0, 1.0], [1.0, 2.0])
    taken = samples(20, 1.0)
    return Material(
        run=RUN,
        state="done",
        description={"job": words, "command": ["sh", "-c", words], "machine": {"host": words}},
        result=facts
        | {
            "job": words,
            "evidence": [{"source": name, "text": words}],
            "advice": [words],
            "also": [words],
            "phases": [{**facts["phases"][0], "name": name}],
            "gauges": {name: 1.0, "bytes.parameters": 1.0},
            "leaks": {"shm": [words]},
            "troubles": [words],
            "ledgers": {words: {name: {name: 5 * MIB, words: MIB}}},
            "attribution": {"name": name, "bytes": 2, "children": [{"name": words, "bytes": 1}]},
        },
        samples=Samples(taken.at_s, taken.attempt, [name, "a"] * 10, taken.step, taken.columns),
        curves=[bad],
        held={
            "steady": {
                "by_kind": {"parameters": 1, name: 2},
                "by_module": {"": 3, name: 2, words: 1, "bad": "x"},
                "largest": [{"bytes": 3, "kind": name, "module": words, "phase": name}, "x", {}],
            },
            "first": "x",
            "phases": {words: {"by_kind": {"buffers": 1}}},
        },
        spent=[Mix(0.0, 20.0, {name: 10.0, words: 10.0})],
        events=[Event(1, 1.0, name, words)],
        output="\n".join(HOSTILE),
        stacks=words,
    )
