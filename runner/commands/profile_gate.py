"""``profile --gate FILE``: the memory regression test."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from probes import files
from runner import machine_json
from runner.commands.usage import UsageError, reader_may_be_gone
from runner.console import Console
from runner.footprints import FootprintError
from runner.profiling import gate, predicting, store
from runner.profiling.configuration import Configuration
from runner.profiling.gate import Baseline, Held, Verdict
from runner.profiling.row import Row
from runner.report import terminal_tables
from runner.units import size

if TYPE_CHECKING:
    from runner.commands.profile import ProfileCommand

_FAILED_STATUS = 3


def hold(asked: ProfileCommand) -> int:
    """0 where nothing has grown by more than the tolerance; 3 where something has, or was to be
    measured and is not."""
    assert asked.gate is not None
    if asked.update:
        return _update(asked, asked.gate)
    try:
        baseline = _read(asked.gate)
    except FileNotFoundError as error:
        raise UsageError(
            f"--gate {asked.gate}: {error.strerror}; --update writes it, of the configurations "
            "asked for"
        ) from error
    _refuse_nothing_to_compare(asked, baseline)
    now = _now(asked, baseline.configurations)
    verdicts = gate.compare(baseline, now, asked.tolerance)
    with reader_may_be_gone(sys.stdout):
        if asked.supervision.json:
            print(machine_json.dumps([_as_dict(one) for one in verdicts]))
        else:
            _show(verdicts, asked)
    return _FAILED_STATUS if any(one.has_failed for one in verdicts) else 0


def _read(path: Path) -> Baseline:
    """Raises FileNotFoundError, and UsageError for what cannot be read or is no baseline."""
    try:
        return gate.read(path.read_text("utf-8"))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UsageError(f"--gate {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(f"--gate {path}: {error}") from error


def _refuse_nothing_to_compare(asked: ProfileCommand, baseline: Baseline) -> None:
    held = baseline.configurations.values()
    if asked.of is None and all(one.predicted is None for one in held):
        raise UsageError(
            f"--gate {asked.gate}: it holds measured bytes alone, and nothing to compare them "
            "with; name a profile with --of"
        )
    if asked.of is not None and all(one.measured is None for one in held):
        raise UsageError(
            f"--of {asked.of}: {asked.gate} holds no measured bytes; --update --of {asked.of} "
            "writes them"
        )


def _update(asked: ProfileCommand, path: Path) -> int:
    try:
        file = files.named(path)
    except OSError as error:
        raise UsageError(f"--gate {path}: {error.strerror or error}") from error
    try:
        baseline = _read(path)
    except FileNotFoundError:
        baseline = None
    if baseline is None or asked.has_matrix:
        wanted = [dataclasses.replace(one, workers=0) for one in asked.matrix().configurations()]
    else:
        wanted = list(baseline.configurations)
    now = _now(asked, dict.fromkeys(wanted))
    new = gate.renewed(baseline, now, asked.tolerance)
    try:
        files.write_text(file, gate.write(new))
    except OSError as error:
        raise UsageError(f"--gate {path}: {error.strerror or error}") from error
    print(f"{path}: {len(now)} configuration{'' if len(now) == 1 else 's'}")
    for one, held in now.items():
        if held.unmeasured:
            stay = "measured bytes stay" if new.configurations[one].measured else "none are written"
            print(f"{one.step_key}: {held.unmeasured}; {stay}")
    return 0


def _now(asked: ProfileCommand, wanted: Iterable[Configuration]) -> dict[Configuration, Held]:
    """Predicted under CUDA's casts, wherever this runs; measured by the profile that is named."""
    configurations = list(wanted)
    rows = _rows(asked)
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
        one: Held(int(found[one]["steady"]["bytes"]), *_measured(one, rows))
        for one in configurations
    }


def _rows(asked: ProfileCommand) -> dict[Configuration, Row] | None:
    """Of the profile that is named; None where none is."""
    if asked.of is None:
        return None
    try:
        rows = store.find(asked.supervision.runs(), asked.of).rows()
    except store.NoProfile as error:
        raise UsageError(f"--of {asked.of}: {error}") from error
    return {row.configuration: row for row in rows}


def _measured(
    one: Configuration, rows: Mapping[Configuration, Row] | None
) -> tuple[int | None, str]:
    """Bytes, and why there are none where a profile was asked."""
    if rows is None:
        return None, ""
    row = rows.get(one)
    if row is None:
        return None, "not in the profile"
    return row.tensors, "" if row.is_measured else f"not measured: {row.outcome}"


def _show(verdicts: list[Verdict], asked: ProfileCommand) -> None:
    path = asked.gate
    rows = [
        (
            one.configuration.step_key,
            one.what,
            size(one.before),
            size(one.now),
            "-" if one.part is None else f"{100 * one.part:+.2f} %",
            one.why_not or ("grown" if one.has_grown else "less" if one.has_shrunk else "held"),
        )
        for one in verdicts
    ]
    terminal_tables.show(("configuration", "bytes", "baseline", "now", "change", ""), rows)
    if any(one.has_grown for one in verdicts):
        allowed = 100 * verdicts[0].tolerance
        # Without the profile measured bytes would stay as they were.
        whence = f"--of {asked.of} " if asked.of is not None else ""
        print(f"\nmemory has grown by more than {allowed:g} %: mend it, or if it is meant, "
              f"--gate {path} {whence}--update writes the baseline anew")  # fmt: skip
    if any(one.why_not for one in verdicts):
        print(f"\nmeasured bytes of {path} are compared with nothing: mend what keeps these "
              "configurations from being measured, or name a profile that has them")  # fmt: skip
    shrunk = any(one.has_shrunk for one in verdicts)
    if shrunk and not any(one.has_failed for one in verdicts):
        print(f"\nless memory than {path} holds: --update makes the gate keep that")


def _as_dict(one: Verdict) -> Mapping[str, object]:
    return {
        "configuration": one.configuration.step_key,
        "what": one.what,
        "before": one.before,
        "now": one.now,
        "grown": one.has_grown,
        "why_not": one.why_not,
    }
