"""JSON for programs, as RFC 8259 has it: a number that is not finite is null there, and its key
stays. Pure."""

from __future__ import annotations

import json
import math
from typing import Any


def dumps(content: Any, *, indent: int | None = None, is_compact: bool = False) -> str:
    """``content`` in one line, or by ``indent``; ``is_compact``: with no space between signs."""
    how: dict[str, Any] = {"indent": indent, "separators": (",", ":") if is_compact else None}
    try:
        return json.dumps(content, allow_nan=False, **how)
    except ValueError:
        # Rare: a whole copy is made only of what has such a number.
        return json.dumps(_finite(content), allow_nan=False, **how)


def _finite(content: Any) -> Any:
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return content
