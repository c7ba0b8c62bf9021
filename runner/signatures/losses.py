"""What a job itself reports of its loss → the last report, where that is no number. Pure.

A number that is none is not yet a failure: a best loss begins as infinity, a validation set may be
empty, one batch may be dropped. So the training's own loss decides before any other, of several on
a line the last, and what is said beside it counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from probes import late
from runner.log_ending import Line, Log

_VALUE = r"[-+]?(?:nan|inf(?:inity)?|\d[\d.]{0,30}(?:e[-+]?\d{1,4})?)(?!\w)"
_IS = r"(?:[=:|│]|->|→|\b(?:is|are|was|became|becomes|now|turned|went to|has become)\b)"
_REPORT = late.compile(
    r"(?<![a-z0-9])(?P<name>(?:[a-z]{1,30}[ _/.-]){0,3}(?:(?-i:[a-z]{1,20}(?=L))|)loss(?:es)?"
    r"(?:[_/.-]\w{1,30}| ?[\[(]\w{1,20}[\])])?)['\"]?"
    rf"(?:(?: (?:after|at|for|in|on|of|over|during) [^=:|,;]{{1,40}}?)?\s{{0,20}}{_IS}\s{{0,20}}"
    rf"|\s{{1,20}})(?:[\w.]{{1,20}}\(\[?)?['\"]?(?P<value>{_VALUE})(?:\s?(?:->|→|=>)\s?(?P<then>{_VALUE}))?",
    re.IGNORECASE,
)
_PART = late.compile(r"\b(train\w*|val(?:id\w*)?|test\w*|eval\w*|dev) ?[\]:|]", re.IGNORECASE)
_COLUMN = late.compile(r"(?:\w{1,30}[_/. -])?loss(?:es)?(?:[_/.-]\w{1,30})?", re.IGNORECASE)
_ALONE = late.compile(_VALUE, re.IGNORECASE)
_CELLS = late.compile(r"\s*[|│]\s*")

_PAIR = late.compile(r"[^\s,]+, ?[^\s,]+")
_OF_ANOTHER_TIME = late.compile(
    r"(?:^|[ _/.-])(?:prev(?:ious)?|last best|best|initial|init|min(?:imum)?|max(?:imum)?|lowest|old"
    r"|start(?:ing)?|baseline|reference|target|threshold|limit|worst|scal\w+|nan|inf|count|fake"
    r"|dummy|expected|skipped)(?=[ _/.\])-]|$)",
    re.IGNORECASE,
)
"""In the name of a loss: it is not the one that the training has now."""
_BESIDE = late.compile(
    r"(?:^|[ _/.([-])(?:val(?:id\w*)?|test\w*|eval\w*|dev|held|aux\w*|reg\w*|kld?|cls|class\w*|b?box"
    r"|dfl|obj\w*|iou|giou|mask|rpn|roi|dn|perceptual|adv\w*|gen\w*|disc\w*|rec\w*|[dg]|commit\w*"
    r"|ctc|att|l1|l2|z|router|balanc\w+)(?=[ _/.\])-]|(?-i:L)|loss|$)",
    re.IGNORECASE,
)
"""In the name of a loss: it is of other data, or a part."""
_SET_ASIDE = late.compile(
    r"\b(?:skipp\w+|ignor\w+|continuing|warm-?up|dropp\w+|discard\w+|disabled|handled|unused"
    r"|placeholder|tolerat\w+|harmless|n/a|roll\w* ?back|retrying|recovered|masked"
    r"|no [\w-]+ (?:set|data|split|loader|samples?|batch\w*)|no (?:validation|val|eval)"
    r"|not (?:yet|used|computed|available|set|evaluated|run|configured|applicable|enabled))\b"
    r"(?!['\"]?\W{0,6}(?:\w{1,20}\W{1,6})?(?:0|false|none)\b)",
    re.IGNORECASE,
)
"""Words about a loss that was none, and was dealt with or is nobody's business."""
_LIVED_THROUGH = late.compile(
    r"\b(?:passed|expected|caught|recover\w+|retry\w*|resum\w+|revert\w*|restor\w+|reset\w*"
    r"|replac\w+|mask\w+|exclud\w+|empty|fall\w* ?back|simulat\w+|inject\w+|mock\w*|dummy|raises"
    r"|guard\w*|sanity|pruned|trials?|sweep\w*|lr[_ -]?find\w*|(?:unit|self)[ -]?tests?|expects|remov\w+"
    r"|delet\w+|example of|usual\w*|demo\w*|0 (?:batches|samples|steps|items|images|validation)"
    r"|(?:fraction|size|count|length) (?:is |= ?)?0)\b|(?-i:\bOK\b|\bWARN(?:ING)?\b)|^warn|::test_",
    re.IGNORECASE,
)
"""The same of a job that ended well."""
_SUPPOSED = late.compile(
    r"\b(?:if|when|whenever|unless|should|would|assert\w*|on (?=nan|inf|non))\b", re.IGNORECASE
)
"""Before a number that is none: it is only spoken of."""
_NAMED = late.compile(
    r"(?<![a-z0-9])(?:prev(?:ious)?|best|initial|min(?:imum)?|max(?:imum)?|lowest|from)(?![a-z0-9])"
    r"(?:\W{1,4}\w{1,20}){0,3}?\W{1,4}(?:nan|inf(?:inity)?)\b",
    re.IGNORECASE,
)
_DEALT_WITH = late.compile(
    r"\W{0,4}(?:\w{1,20}\W{1,4}){0,4}?(?:skipp\w+|roll(?:ed|ing) back|revert\w+|restor\w+|recover\w+"
    r"|reload\w+|retry\w*|discard\w+|dropp\w+|ignor\w+|handled|falling back|resum\w+ from)\b",
    re.IGNORECASE,
)
"""What follows a loss that was none, where the job went on without it."""
_GIVES_UP = late.compile(
    r"\b(?:stop\w*|abort\w*|exit\w*|terminat\w*|halt\w*|quit\w*|giv\w+ up|diverged)\b",
    re.IGNORECASE,
)
_IS_NONE = late.compile(
    r"\b(?:nan|inf(?:inite|inity)?|non-?finite)\b.{0,20}(?<![a-z0-9])loss|\binvalid loss\b",
    re.IGNORECASE,
)
_NONE = late.compile(r"\b(?:nan|inf(?:inite|inity)?|non-?finite)\b", re.IGNORECASE)
_TESTED = late.compile(r"\b\d+ passed\b|^Ran \d+ tests? in |^(?:PASS(?:ED)?|OK|ok)\W{0,3}$")
_THEN = 2
_LONGEST = 800


@dataclass(frozen=True)
class _Report:
    is_main: bool
    value: str

    @property
    def is_none(self) -> bool:
        return not self.value.lstrip("+-")[:1].isdigit()

    @property
    def is_nan(self) -> bool:
        return "nan" in self.value.lower()


_Found = tuple[int, list[_Report]]
"""The place of a line, and what it reports."""


def is_passed_over(line: str) -> bool:
    """Whether the words are of a number that was none and did no harm, or is no loss of now."""
    line = _shortened(line)
    return bool(_SET_ASIDE.search(line) or _NAMED.search(line))


def last_not_finite(log: Log, *, is_strict: bool) -> int | None:
    """The place of the last report of a loss, where that is NaN or infinite; else None.

    Strict, for a job that ended well: a loss beside the training's own counts only where the
    training reports none; infinity counts only twice in a row, or where the job says that it stops
    for it; and nothing counts that a test run saw.
    """
    tested = [place for place, line in enumerate(log.lines) if _TESTED.search(line.text)]
    reports = _backwards(log, is_strict)
    beside: list[_Found] = []
    for place, found in reports:
        if is_strict and tested and place <= tested[-1]:
            return None
        is_none = any(one.is_none for one in found)
        if is_none and (not is_strict or _GIVES_UP.search(_shortened(log.lines[place].text))):
            return place
        main = [one for one in found if one.is_main]
        if not main:
            beside.append((place, found))
        elif not main[-1].is_none:
            return None
        else:
            return place if main[-1].is_nan or _is_next_none(reports) else None
    if not beside or not all(one.is_none for one in beside[0][1]):
        return None
    place, found = beside[0]
    twice = len(beside) > 1 and beside[1][1][-1].is_none
    return place if twice or all(one.is_nan for one in found) else None


def _is_next_none(reports: Iterator[_Found]) -> bool:
    """Whether the training's own report before was no number either."""
    own = ([one for one in found if one.is_main] for _, found in reports)
    before = next((main for main in own if main), None)
    return before is not None and before[-1].is_none


def _backwards(log: Log, is_strict: bool) -> Iterator[_Found]:
    """Every line that reports a loss of now and was not passed over, the last first."""
    heads = list(_heads(log))
    for place in reversed(range(len(log.lines))):
        line = log.lines[place]
        if line.is_frame or not line.text:
            continue
        text = _shortened(line.text)
        found = list(_of_line(text)) if "loss" in text.lower() else []
        if not found:
            above = (one for one in reversed(heads) if one[0] < place and one[1] == line.stream)
            found = list(_of_row(text, next((cells for _, _, cells in above), [])))
        if found and not _was_dealt_with(log, place, found, is_strict):
            yield place, found


def _heads(log: Log) -> Iterator[tuple[int, str, list[str]]]:
    """Heads of tables with a column for a loss: place, whose line it is, cells."""
    for place, line in enumerate(log.lines):
        if line.is_frame or len(line.text) > _LONGEST or "loss" not in line.text.lower():
            continue
        cells = _cells(line.text)
        named = not any(cell[:1].isdigit() for cell in cells)
        if len(cells) > 1 and named and any(_COLUMN.fullmatch(cell) for cell in cells):
            yield place, line.stream, cells


def _shortened(text: str) -> str:
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]} … {text[-half:]}"


def _of_line(text: str) -> Iterator[_Report]:
    for found in _REPORT.finditer(text):
        name = found["name"]
        parts = _PART.findall(text, 0, found.start())
        is_main = not _BESIDE.search(name) and (not parts or parts[-1].lower().startswith("tr"))
        if not _OF_ANOTHER_TIME.search(name):
            yield _Report(is_main, found["then"] or found["value"])
    if _IS_NONE.search(text) and _GIVES_UP.search(text):
        yield _Report(True, "nan")


def _of_row(text: str, columns: list[str]) -> Iterator[_Report]:
    """A row of a table whose head names a loss; it begins with the number of a step."""
    cells = _cells(text) if columns else []
    if len(cells) < len(columns) or not cells or not cells[0][:1].isdigit():
        return
    for name, cell in zip(columns, cells, strict=False):
        if _COLUMN.fullmatch(name) and _ALONE.fullmatch(cell) and not _OF_ANOTHER_TIME.search(name):
            yield _Report(not _BESIDE.search(name), cell)


def _cells(text: str) -> list[str]:
    if len(_CELLS.findall(text)) > 1:
        return _CELLS.split(text.strip().strip("|│").strip())
    if text.count(",") > 1 or _PAIR.fullmatch(text.strip()):
        return [cell.strip() for cell in text.split(",")]
    return text.split()


def _was_dealt_with(log: Log, place: int, found: list[_Report], is_strict: bool) -> bool:
    if not any(one.is_none for one in found):
        return False
    line = log.lines[place]
    text = _shortened(line.text)
    if _SET_ASIDE.search(text):
        return True
    if is_strict and (_LIVED_THROUGH.search(text) or _is_supposed(text)):
        return True
    after: list[Line] = [one for one in log.lines[place + 1 :][:8] if one.stream == line.stream]
    return any(_DEALT_WITH.match(one.text) for one in after[:_THEN])


def _is_supposed(text: str) -> bool:
    none = _NONE.search(text)
    return none is not None and bool(_SUPPOSED.search(text, 0, none.start()))
