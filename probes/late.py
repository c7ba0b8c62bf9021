"""Regular expressions that are compiled when they are first used: a supervisor whose job ends well
never needs most of them, and compiling them all is a good part of its start."""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


class _Late:
    def __init__(self, pattern: Any, flags: int) -> None:
        self._asked = pattern, flags

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        # Kept here, so that this is asked for once a name.
        found = self.__dict__[name] = getattr(re.compile(*self._asked), name)
        return found


def compile(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """As ``re.compile``; a wrong pattern is an error at its first use only.

    Not for what is handed to functions of ``re``, which take real patterns alone.
    """
    return cast("re.Pattern[AnyStr]", _Late(pattern, flags))
