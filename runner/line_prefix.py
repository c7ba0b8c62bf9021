"""A log → its last lines, without what launchers, loggers and terminals put before them. Pure.

Known are the shapes below; any other is learned from the log itself: where a traceback or a thread
of a dump begins behind some words, and the next line carries the same words (numbers may differ),
they are taken off every line.
"""

from __future__ import annotations

import re
from itertools import pairwise

from probes import late

_LINES = 600
_LENGTH = 4000

_ANSI = late.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
_LINE_END = late.compile(r"\r\n|\n|\r")
# Who printed the line: torchrun, torch 2.2 and later, Open MPI, srun -l, ray, compose, kubectl.
_STREAM = late.compile(
    r"\[(?:default|rank ?|Rank ?)\d+\](?:<std(?:out|err)>)?:? ?"
    r"|\[\d+(?:, ?\d+)?\](?:<std(?:out|err)>)?: ?"
    r"|\(\w[\w.:<>]* (?:rank=\d+, )?pid=\d+[^)]{0,80}\) ?"
    r"|(?:rank|worker|node|task) ?\d+ ?[:|] "
    r"|[ ]{0,4}\d{1,4}: (?=\S|  )"
    r"|\[pod/[\w./-]{1,120}\] "
    r"|[\w.-]{1,60} +\| (?=.)"
    r"|[\w.-]{1,80} \[std(?:out|err)\] "
)
_STAMP = late.compile(
    r"\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?\]? ?"
    r"(?:\| )?(?:[|:-] )?"
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d [\w.-]{1,60} "
    r"|\[\d\d?:\d\d:\d\d(?:\.\d+)?\] "
)
_LEVEL = late.compile(
    r"\[?(?:ERROR|CRITICAL|FATAL|E)\]? *(?:\||:(?=[\w. -]{0,60}:)|- |(?=Traceback))"
)
_GROUP = late.compile(r" {2,}[|+](?: |-\+-+ \d+ -+|-+$)")
_DUMP_LINES = 20_000
_LEARNED = 3
_LONGEST = 120
_BEGINS = late.compile(
    r"Traceback \(most recent call last\)|(?:Current )?[Tt]hread (?:0x)?[\dA-Fa-f]+ [(\[]"
)
_GOES_ON = r"\s+(?:File \"|\S.* \(\S+:\d+\)$|\S+ \(\S*\.so)"


def lines(text: str, limit: int = _LINES) -> list[tuple[str, str]]:
    """The last lines, and beside each who printed it, where a launcher says so. Never raises."""
    bare = [_bare(line) for line in _last_lines(text, limit)]
    learned = _learn([line for line, _ in bare])
    return [(_without(learned, line), stream) for line, stream in bare]


def strip(text: str) -> str:
    """The whole text, which may be a long dump, without prefixes."""
    return "\n".join(line for line, _ in lines(text, _DUMP_LINES))


def _last_lines(text: str, limit: int) -> list[str]:
    found: list[str] = []
    for line in _LINE_END.split(text[-4 * _LINES * _LENGTH :])[-limit:]:
        whole = len(line) <= _LENGTH
        kept = line if whole else f"{line[: _LENGTH // 2]} … {line[-_LENGTH // 2 :]}"
        bare = _ANSI.sub("", kept).rstrip()
        # A logger of JSON writes a traceback in one line.
        found += bare.split("\\n") if "(most recent call last):\\n" in bare else [bare]
    return found


def _bare(line: str) -> tuple[str, str]:
    """The line without the known shapes, and who printed it."""
    stream = ""
    for _ in range(3):
        if found := _STREAM.match(line):
            stream += found[0].strip()
            line = line[found.end() :]
        elif found := _STAMP.match(line) or _GROUP.match(line):
            line = line[found.end() :]
        else:
            break
    return line, stream


def _learn(bare: list[str]) -> re.Pattern[str] | None:
    """The shapes of prefixes that this log has beside the known ones."""
    shapes: list[str] = []
    for line, following in pairwise(bare):
        begins = _BEGINS.search(line, 0, _LONGEST)
        if begins is None or not line[: begins.start()].strip():
            continue
        shape = re.sub(r"\d+", r"\\d+", re.escape(line[: begins.start()].rstrip()))
        if shape not in shapes and re.match(shape + _GOES_ON, following):
            shapes.append(shape)
    return re.compile("|".join(shapes[:_LEARNED])) if shapes else None


def _without(learned: re.Pattern[str] | None, line: str) -> str:
    found = learned.match(line) if learned else None
    if found is not None:
        return line[found.end() :].removeprefix(" ")
    level = _LEVEL.match(line)
    if level is None:
        return line
    line = line[level.end() :]
    stamp = _STAMP.match(line)
    return line[stamp.end() :] if stamp else line
