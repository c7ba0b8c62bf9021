"""The notebook job: the packages and their use in one file, for Kaggle, Colab or anywhere.

Nothing is watched but by ``watch``, in the process that was asked for it by its command and by
``AUTOUPDATE=1``: an editor's or an import's helper thread would be one more thing that hangs.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from fwi import config
from fwi._notebook_archive import archive, sources
from fwi._notebook_cells import Cell, cells
from fwi.errors import DependencyError, UsageError
from probes import files

_LOOK_MS = 500
"""Between looks for the parent's end."""


def export(job: config.Notebook) -> None:
    """Write the notebook, and with ``--watch`` again after each change. Prints a line each time.

    Raises UsageError where the file cannot be written, DependencyError without jupytext or nbformat
    or, with ``--watch``, watchfiles.
    """
    if wrong := config.problems(job):
        raise UsageError("\n".join(wrong))
    parent = os.getppid()
    _write(job)
    if job.watch:
        _watch(job, parent)


def notebook() -> Any:
    """The notebook, as nbformat has it. The same sources give the same one."""
    nbformat = _library("nbformat")
    v4 = nbformat.v4
    made = v4.new_notebook(
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        cells=[_cell(v4, cell) for cell in cells(archive())],
    )
    nbformat.validate(made)
    return made


def text_of(made: Any, suffix: str) -> str:
    """The notebook as a file: ``.ipynb``, or ``.py`` in jupytext's percent format."""
    if suffix == ".ipynb":
        written: str = _library("nbformat").writes(made) + "\n"
        return written
    percent: str = _library("jupytext").writes(made, fmt="py:percent")
    return percent


def _cell(v4: Any, cell: Cell) -> Any:
    make = v4.new_markdown_cell if cell.kind == "markdown" else v4.new_code_cell
    metadata: dict[str, Any] = {"tags": list(cell.tags)} if cell.tags else {}
    if cell.is_folded:
        # Kaggle's and Jupyter's own names for it.
        metadata |= {"_kg_hide-input": True, "jupyter": {"source_hidden": True}}
    return make(cell.text.rstrip("\n"), id=cell.id, metadata=metadata)


def _write(job: config.Notebook) -> None:
    made = notebook()
    try:
        files.write_named(job.out, text_of(made, job.out.suffix))
    except OSError as error:
        raise UsageError(f"--out {job.out}: cannot be written: {error.strerror}") from error
    size = job.out.stat().st_size
    print(f"{job.out}: {len(made.cells)} cells, {size / 2**10:,.0f} KiB", flush=True)


def _watch(job: config.Notebook, parent: int) -> None:
    """Write it after each change of a source, until SIGINT or SIGTERM, or the parent's end."""
    watchfiles = _library("watchfiles")
    folders = sources().values()
    print(f"watching {', '.join(map(str, folders))}", flush=True)
    for changes in watchfiles.watch(
        *folders,
        watch_filter=watchfiles.PythonFilter(extra_extensions=[".js", ".css"]),
        rust_timeout=_LOOK_MS,
        yield_on_timeout=True,
        raise_interrupt=False,
    ):
        if os.getppid() != parent:
            return
        if changes:
            try:
                _write(job)
            except (OSError, UsageError) as error:  # a source in the middle of being written
                print(f"not written: {error}", file=sys.stderr, flush=True)


def _library(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError as error:
        raise DependencyError(
            f"the notebook needs {name}: pip install {name}, or pip install 'fwi-runner[notebook]'"
        ) from error
