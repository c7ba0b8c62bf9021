"""``report PROFILE``: the page of a profile anew."""

from __future__ import annotations

import sys
from pathlib import Path

from probes import files
from runner.commands.usage import UsageError, for_stream, is_standard_output, reader_may_be_gone
from runner.profiling import store
from runner.report import profile as report
from runner.report.plotly_script import NoPlotly


def make(runs: Path, name: str, form: str, out: str | None) -> int:
    """Write it in the profile's folder or where ``out`` says; - is standard output."""
    if form not in report.FORMS:
        raise UsageError(f"--format {form}: a profile has {', '.join(report.FORMS)}")
    try:
        profile = store.find(runs, name)
        made = report.FORMS[form](profile)
        if out is not None and is_standard_output(out):
            with reader_may_be_gone(sys.stdout):
                sys.stdout.write(for_stream(made, sys.stdout))
            return 0
        target = Path(out) if out is not None else profile.folder / f"report.{form}"
        (files.write_text if out is None else files.write_named)(target, made)
    except (store.NoProfile, NoPlotly) as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"report: {error.filename or name}: {error.strerror}") from error
    print(target)
    return 0
