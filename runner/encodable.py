"""Text of the outside world on its way into the ledger, the result and the terminal. Pure.

A path, a word of a command and a file's name may hold any byte. Python keeps one that is not UTF-8
as half of a surrogate pair, which neither SQLite nor a strict reader of JSON takes; here it is
written as ``\\xff``.
"""

from __future__ import annotations

import re
from typing import Any

_HALF = re.compile("[\ud800-\udfff]")
_OF_A_BYTE = range(0xDC80, 0xDD00)
"""What Python makes of the bytes from 0x80 on (PEP 383)."""


def text(words: str) -> str:
    """``words`` with nothing in it that UTF-8 cannot hold."""
    return words if words.isascii() else _HALF.sub(_escaped, words)


def data(content: Any) -> Any:
    """JSON types and tuples, with every text and every key made encodable."""
    if isinstance(content, str):
        return text(content)
    if isinstance(content, dict):
        return {data(key): data(value) for key, value in content.items()}
    if isinstance(content, list):
        return [data(value) for value in content]
    if isinstance(content, tuple):
        return tuple(data(value) for value in content)
    return content


def _escaped(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number - 0xDC00:02x}" if number in _OF_A_BYTE else f"\\u{number:04x}"
