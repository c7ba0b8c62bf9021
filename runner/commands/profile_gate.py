"""``profile --gate FILE``: the memory regression test."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from probes import files
from runner.commands.usage import UsageError, reader_may_be_gone
from runner.console import Console
from runner.footprints import FootprintError
from runner.profiling import gate, predicting, store
from runner.profiling.configuration import Configuration
from runner.profiling.gate import Baseline, Held, Verdict
from runner.report import terminal_tables
from runner.units import size

if TYPE_CHECKING:
    from runner.commands.profile import ProfileCommand

_GROWN_STATUS = 3


def hold(asked: ProfileCommand) -> int:
    """0 where nothing has grown by more than the tolerance, 3 where something has."""
    assert asked.gate is not None
    if asked.update:
        return _update(asked, asked.gate)
    try:
        baseline = gate.read(asked.gate.read_text("utf-8"))
    except OSError as error:
        raise UsageError(
            f"--gate {asked.gate}: {error.strerror}; --update writes it, of the configurations "
            "asked for"
        ) from error
    except ValueError as error:
        raise UsageError(f"--gate {asked.gate}: {error}") from error
    now = _now(asked, baseline.configurations)
    verdicts = gate.compare(baseline, now, asked.tolerance)
    grown = [one for one in verdicts if one.has_grown]
    with reader_may_be_gone(sys.stdout):
        if asked.supervision.json:
            print(json.dumps([_as_dict(one) for one in verdicts]))
        else:
            _show(verdicts, asked.gate)
    if asked.of is not None and not any(one.what == "measured" for one in verdicts):
        raise UsageError(
            f"--of {asked.of}: it measured nothing whose measured bytes {asked.gate} holds"
        )
    return _GROWN_STATUS if grown else 0


def _update(asked: ProfileCommand, path: Path) -> int:
    configurations = [
        dataclasses.replace(one, workers=0) for one in asked.matrix().configurations()
    ]
    now = _now(asked, dict.fromkeys(configurations))
    tolerance = gate.TOLERANCE if asked.tolerance is None else asked.tolerance
    try:
        files.write_text(path, gate.write(Baseline(now, tolerance)))
    except OSError as error:
        raise UsageError(f"--gate {path}: {error.strerror or error}") from error
    print(f"{path}: {len(now)} configurations")
    return 0


def _now(asked: ProfileCommand, wanted: Iterable[Configuration]) -> dict[Configuration, Held]:
    """Predicted under CUDA's casts, wherever this runs; measured by the profile that is named."""
    configurations = list(wanted)
    measured = _measured(asked) if asked.of is not None else {}
    console = Console(live=True)
    try:
        found = predicting.footprints(
            configurations, "cuda", lambda text: console.live(lambda: f"footprint of {text}")
        )
    except FootprintError as error:
        raise UsageError(str(error)) from error
    finally:
        console.close()
    return {
        one: Held(int(found[one]["steady"]["bytes"]), measured.get(one)) for one in configurations
    }


def _measured(asked: ProfileCommand) -> dict[Configuration, int]:
    assert asked.of is not None
    try:
        rows = store.find(asked.supervision.runs(), asked.of).rows()
    except store.NoProfile as error:
        raise UsageError(f"--of {asked.of}: {error}") from error
    return {
        row.configuration: row.tensors
        for row in rows
        if row.tensors is not None and row.configuration.workers == 0
    }


def _show(verdicts: list[Verdict], path: Path) -> None:
    rows = [
        (
            one.configuration.step_key,
            one.what,
            size(one.before),
            size(one.now),
            f"{100 * one.part:+.2f} %",
            "grown" if one.has_grown else "less" if one.has_shrunk else "held",
        )
        for one in verdicts
    ]
    terminal_tables.show(("configuration", "bytes", "baseline", "now", "change", ""), rows)
    if any(one.has_grown for one in verdicts):
        allowed = 100 * verdicts[0].tolerance
        print(f"\nmemory has grown by more than {allowed:g} %: mend it, or if it is meant, "
              f"--gate {path} --update writes the baseline anew")  # fmt: skip
    elif any(one.has_shrunk for one in verdicts):
        print(f"\nless memory than {path} holds: --update makes the gate keep that")


def _as_dict(one: Verdict) -> Mapping[str, object]:
    return {
        "configuration": one.configuration.step_key,
        "what": one.what,
        "before": one.before,
        "now": one.now,
        "grown": one.has_grown,
    }
