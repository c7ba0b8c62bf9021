"""``explain``: what logs and stack dumps from anywhere tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import tyro

from runner.commands.usage import UsageError


@dataclass(frozen=True, kw_only=True)
class ExplainCommand:
    """Say what logs or stack dumps from anywhere tell, one line a file."""

    files: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Logs or stack dumps; - is standard input."""
    exit: str | None = None
    """How the job ended: its exit status, -N or the name of a signal. Default: not known."""
    json: bool = False
    """Print one JSON object a file."""

    def __call__(self) -> int:
        return _explain(self.files, self.exit, self.json)


def _explain(names: Sequence[str], status: str | None, as_json: bool) -> int:
    """Explain logs and stack dumps."""
    from runner import explain as explaining

    if not names:
        raise UsageError("explain: no file; write: python -m runner explain FILE…")
    try:
        number = None if status is None else explaining.parse_status(status)
    except ValueError as error:
        raise UsageError(f"--exit {error}") from error
    return explaining.files(names, number, as_json)
