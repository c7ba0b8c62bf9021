"""The one way a row gets into the ledger: inside a transaction, its text made encodable."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from runner import encodable


class Writing:
    """An open transaction. A name or a path may hold a byte that is not UTF-8, which SQLite would
    refuse together with everything else that is written beside it."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def execute(self, statement: str, values: Sequence[Any] = ()) -> None:
        self._database.execute(statement, encodable.data(tuple(values)))

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        self._database.executemany(statement, (encodable.data(tuple(row)) for row in rows))
