"""Rows and profiles as the measure job leaves them, for tests of what is made of them."""

from __future__ import annotations

from pathlib import Path

from runner.profiling import store
from runner.profiling.configuration import Matrix, parse
from runner.profiling.row import SKIPPED, Predicted, Row
from runner.profiling.store import Profile

MATRIX = Matrix(("specproj", "hgnet"), (1, 4), ("fp32", "bf16"), ("train", "infer"), (0,))
HOSTILE = "<script>window.hacked = 1</script>"


def row(key: str, scale: int = 1, hostile: str = "") -> Row:
    """A measured row; everything grows with ``scale``."""
    configuration = parse(key)
    kinds = {"parameters": 40 << 20, "activations": (30 << 20) * scale, "temporaries": 5 << 20}
    kinds |= {hostile: 1 << 20} if hostile else {}
    total = sum(kinds.values())
    modules = {"": total, f"encoder{hostile}": 30 << 20, f"encoder{hostile}.0": 20 << 20}
    step = {
        "bytes": total, "phase": "backward", "by_kind": kinds, "by_module": modules,
        "by_phase": {"forward": total - (1 << 20), "backward": total}, "largest": [],
    }  # fmt: skip
    return Row(
        configuration,
        "ok",
        run="20260314-091500-measure-7f3a",
        seconds=12.5,
        predicted=Predicted(total - 8, (total, 300 << 20, 500 << 20)),
        measured={
            "device": "cpu",
            "tensors": {"first": step, "steady": step},
            "host": {"peak_rss": (280 << 20) * scale, "workers_uss": 0},
            "device_memory": None,
            "samples_per_s": 4.0 / scale,
        },
        peaks={"host_pss": 270 << 20, "device": None},
    )


def profile(runs: Path, hostile: str = "") -> Profile:
    """Sixteen configurations: most measured, one failed, one skipped, one missing."""
    found = store.begin(
        runs,
        MATRIX,
        {
            "device": "cpu",
            "started": "now",
            "steps": 3,
            "warmup": 1,
            "machine": {"host": hostile or "here"},
        },
    )
    first, second, third, *others = MATRIX.configurations()
    found.keep(Row(first, "oom.host.limit", f"it held too much {hostile}", run="r", seconds=2.0))
    found.keep(Row(second, SKIPPED, f"predicted not to fit {hostile}"))
    for n, one in enumerate(others, 1):
        found.keep(row(one.key, 1 + n % 5, hostile))
    assert found.row(third) is None
    return found
