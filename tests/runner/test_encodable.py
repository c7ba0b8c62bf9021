"""Bytes of the outside world that are not UTF-8: written so that everything can hold them."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest

from runner import encodable
from runner.ledger import Event, Ledger, LedgerError

RUN = "20260101-000000-exec-x-0000"


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ("plain", "plain"),
        ("größer → 大", "größer → 大"),
        (os.fsdecode(b"/dev/shm/a\xff\x80"), r"/dev/shm/a\xff\x80"),
        ("half \ud83d of a pair", r"half \ud83d of a pair"),
        ("\x00\x1b[2J", "\x00\x1b[2J"),
        ("", ""),
    ],
)
def test_what_utf_8_cannot_hold_is_written_as_an_escape(words: str, written: str) -> None:
    assert encodable.text(words) == written
    assert written.encode().decode() == written


def test_every_text_and_every_key_of_data_is_made_encodable() -> None:
    content = {"a\udcff": ["b\udcfe", ("c\udcfd", 1.5, None, True)], "n": 7}
    written = {r"a\xff": [r"b\xfe", (r"c\xfd", 1.5, None, True)], "n": 7}
    assert encodable.data(content) == written
    assert json.loads(json.dumps(encodable.data(content), ensure_ascii=False))


def test_ledger_takes_any_text(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    try:
        ledger.begin(RUN, "exec", "l\udcff", ["c\udcff"], "2026-01-01T00:00:00Z")
        ledger.event(RUN, Event(1, 0.5, "note", "at /x\udcff"))
        assert [event.text for event in ledger.events(RUN)] == [r"at /x\xff"]
    finally:
        ledger.close()
    with sqlite3.connect(tmp_path / "ledger.db") as database:
        [(command, label)] = database.execute("SELECT command, label FROM run")
    assert (json.loads(command), label) == ([r"c\xff"], r"l\xff")


def test_value_that_the_ledger_cannot_hold_is_said_and_changes_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    try:
        ledger.begin(RUN, "exec", "", ["true"], "2026-01-01T00:00:00Z")
        with pytest.raises(LedgerError, match=r"ledger\.db: a value that it cannot hold: .*large"):
            ledger.event(RUN, Event(1 << 70, 0.5, "note", "x"))
        assert ledger.events(RUN) == []
        ledger.event(RUN, Event(1, 0.5, "note", "x"))
    finally:
        ledger.close()
