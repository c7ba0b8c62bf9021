"""The files of a run's report: made from what is kept of it, written whole or not at all.

After a run they are made by a child with a time limit: whatever becomes of a page, the outcome and
the exit status stand already, and a supervisor that is short of memory or time loses a page and no
more.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from probes import files
from runner import machine_json
from runner.paths import RunPaths
from runner.process_tree import die_with_parent
from runner.report import document, html, markdown, trace
from runner.report.material import Material, gather

_LOOK_S = 0.2
LIMIT_S = 60.0
_SHORT_S = 2.0
"""A run so short has little to draw: its page may be written sooner than a child is started."""
AFTER_A_RUN = ("html", "md", "trace")

FORMS: Mapping[str, Callable[[Material], str]] = {
    "html": lambda material: html.render(document.of_run(material)),
    "md": lambda material: markdown.render(document.of_run(material)),
    "json": lambda material: machine_json.dumps(trace.content(material)) + "\n",
    "trace": lambda material: machine_json.dumps(trace.render(material)) + "\n",
}


def place(paths: RunPaths, form: str) -> Path:
    """Where the run's folder keeps it."""
    return {
        "html": paths.page,
        "md": paths.report,
        "json": paths.folder / "report.json",
        "trace": paths.trace,
    }[form]


def write(runs: Path, paths: RunPaths, forms: Sequence[str] = AFTER_A_RUN) -> None:
    """Make these of a run's files. Raises OSError, NoPlotly."""
    _write(paths, gather(runs, paths), forms)


def _write(paths: RunPaths, material: Material, forms: Sequence[str]) -> None:
    for form in forms:
        files.write_text(place(paths, form), FORMS[form](material))


def after(
    runs: Path,
    paths: RunPaths,
    seconds: float,
    say: Callable[[str], None],
    *,
    is_hurried: Callable[[], bool] = lambda: False,
) -> None:
    """Make the files of a run that is over and took ``seconds``. Never raises; what went wrong is
    said, and so is what makes them later. ``is_hurried``: whether somebody waits for the end."""
    try:
        plain = _without_charts(runs, paths) if seconds < _SHORT_S else None
        why = (
            _write_in_a_child(runs, paths, is_hurried)
            if plain is None
            else _write_here(paths, plain)
        )
    except KeyboardInterrupt:
        why = "interrupted"
    if why is not None:
        again = f"python -m runner report {paths.folder.name}"
        say(f"the report's page was not made: {why}; `{again}` tries again")


def _without_charts(runs: Path, paths: RunPaths) -> Material | None:
    """What is kept of a run whose page draws nothing. Packing the library that draws takes 10 MB,
    which the supervisor would never give back."""
    try:
        material = gather(runs, paths)
        return None if document.of_run(material).charts else material
    except Exception:  # a child will say it
        return None


def _write_here(paths: RunPaths, material: Material) -> str | None:
    try:
        _write(paths, material, AFTER_A_RUN)
    except Exception as error:  # a page must not cost the run its end
        return f"{type(error).__name__}: {error}"
    return None


def _write_in_a_child(runs: Path, paths: RunPaths, is_hurried: Callable[[], bool]) -> str | None:
    parent = os.getpid()
    try:
        child = subprocess.Popen(
            [sys.executable, "-m", "runner.report", str(runs), paths.folder.name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509 - one thread
        )
    except OSError as error:
        return str(error)
    with child:
        try:
            said = _said(child, is_hurried)
        except subprocess.TimeoutExpired:
            child.kill()
            return "interrupted" if is_hurried() else f"it took more than {LIMIT_S:.0f} s"
        except BaseException:
            child.kill()
            raise
    if child.returncode == 0:
        return None
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else f"exit status {child.returncode}"


def _said(child: subprocess.Popen[bytes], is_hurried: Callable[[], bool]) -> bytes:
    """Raises TimeoutExpired where it takes too long, or somebody does not want to wait."""
    until = time.monotonic() + LIMIT_S
    while True:
        try:
            return child.communicate(timeout=_LOOK_S)[1]
        except subprocess.TimeoutExpired:
            if is_hurried() or time.monotonic() > until:
                raise
