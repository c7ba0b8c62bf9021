"""``profile --diff A B``: what makes the difference."""

from __future__ import annotations

import sys
from pathlib import Path

from runner import machine_json
from runner.commands.usage import UsageError, for_stream, reader_may_be_gone
from runner.profiling import configuration, difference, store
from runner.profiling.row import Row


def show(first: str, second: str, runs: Path, as_json: bool) -> int:
    """Print the difference as Markdown, or as JSON."""
    before, after = _rows(first, runs), _rows(second, runs)
    if len(before) == len(after) == 1:
        pairs = [(before[0], after[0])]
    else:
        others = {row.configuration: row for row in after}
        pairs = [(row, others[row.configuration]) for row in before if row.configuration in others]
    if not pairs:
        raise UsageError(
            f"--diff {first} {second}: no configuration is measured in both; name one of each, as "
            f"{first}:{before[0].configuration.key} {second}:{after[0].configuration.key}"
        )
    found = [difference.between(*pair) for pair in pairs]
    with reader_may_be_gone(sys.stdout):
        if as_json:
            print(machine_json.dumps([difference.as_dict(one) for one in found]))
            return 0
        from runner.report import difference as report
        from runner.report import markdown

        made = markdown.render(report.of_differences(found, first, second))
        sys.stdout.write(for_stream(made, sys.stdout))
    return 0


def _rows(name: str, runs: Path) -> list[Row]:
    """The measured rows of ``PROFILE`` or of ``PROFILE:CONFIGURATION``."""
    which, colon, key = name.partition(":")
    try:
        profile = store.find(runs, which)
        wanted = configuration.parse(key) if colon else None
    except (store.NoProfile, ValueError) as error:
        raise UsageError(f"--diff {name}: {error}") from error
    rows = [row for row in profile.rows() if row.is_measured]
    found = [row for row in rows if wanted is None or row.configuration == wanted]
    if not found:
        known = ", ".join(row.configuration.key for row in rows) or "none"
        raise UsageError(f"--diff {name}: not measured there; measured: {known}")
    return found
