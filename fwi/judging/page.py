"""The page of an evaluation: HTML that is whole in itself, and Markdown. Pure.

Names of files are anybody's: they are escaped wherever they stand, and the page may run no script
and load nothing.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from fwi.judging.summary import Summary, Table

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1b1f24; background: #fff;
       max-width: 1500px; margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
p.of { color: #57606a; margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem; text-align: right; border-bottom: 1px solid #d8dee4; }
th:first-child { text-align: left; } thead th { border-bottom: 2px solid #57606a; }
tbody tr:last-child:not(:only-child) { font-weight: 600; }
.scroll { overflow-x: auto; }
figure { margin: 1rem 0; } img { max-width: 100%; height: auto; }
.small { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; }
"""
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)


@dataclass(frozen=True)
class Plate:
    """A figure of the page."""

    name: str
    """Of its file, without the ending: our own word."""
    section: str
    says: str
    """For those who cannot see it."""
    png: bytes
    is_wide: bool = True


def html(summary: Summary, plates: Sequence[Plate]) -> str:
    """The page, figures embedded."""
    body = [f"<h1>Evaluation of {escape(summary.title)}</h1>"]
    body += [f'<p class="of">{escape(line)}</p>' for line in summary.subtitle()]
    body.append(_table(summary.table()))
    body += [f"<p>{escape(line)}</p>" for line in summary.notes()]
    for section in dict.fromkeys(plate.section for plate in plates):
        found = [plate for plate in plates if plate.section == section]
        body.append(f"<h2>{escape(section)}</h2>")
        kind = "" if found[0].is_wide else ' class="small"'
        body.append(f"<div{kind}>{''.join(map(_figure, found))}</div>")
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="referrer" content="no-referrer">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Evaluation of {escape(summary.title)}</title>",
            '<link rel="icon" href="data:,">',
            f"<style>{_STYLE}</style>",
            "</head>",
            "<body>",
            *body,
            "</body>",
            "</html>",
            "",
        ]
    )


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in table.head)
    rows = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in table.rows
    )
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        "</div>"
    )


def _figure(plate: Plate) -> str:
    data = base64.b64encode(plate.png).decode("ascii")
    return f'<figure><img alt="{escape(plate.says)}" src="data:image/png;base64,{data}"></figure>'


def markdown(summary: Summary, plates: Sequence[Plate]) -> str:
    """The same without what only a browser shows; figures by their files."""
    table = summary.table()
    lines = [f"# Evaluation of {_plain(summary.title)}", ""]
    lines += [f"- {_plain(line)}" for line in summary.subtitle()]
    lines += ["", _row(table.head), _row(["---", *["---:"] * (len(table.head) - 1)])]
    lines += [_row(row) for row in table.rows]
    lines += [text for note in summary.notes() for text in ("", _plain(note))]
    for section in dict.fromkeys(plate.section for plate in plates):
        lines += ["", f"## {_plain(section)}"]
        for plate in plates:
            if plate.section == section:
                lines += ["", f"![{_plain(plate.says)}](figures/{plate.name}.png)"]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _plain(words: str) -> str:
    """Text without Markdown's or HTML's meaning."""
    return re.sub(r"([\\`*_\[\]<>#|&])", r"\\\1", words)
