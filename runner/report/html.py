"""``report.html``: the run on one page that needs nothing but a browser. Pure, but for its assets.

Everything that a job named or printed is hostile text here. It is escaped wherever it stands, and
the page's Content-Security-Policy lets no other script run than its own two, known by their
digests, and nothing be loaded or sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape as escape_html
from importlib import resources
from typing import Any

from runner import machine_json
from runner.console import printable
from runner.report import plotly_script
from runner.report.blocks import (
    Block,
    Card,
    Chart,
    Code,
    Document,
    Heading,
    Items,
    Part,
    Section,
    Table,
    Text,
    Tree,
)
from runner.units import size

_ZOOM = "Drag to zoom, double-click for all."
_SIGNS = {"ok": "✓", "running": "…", "interrupted": "■"}
_FOLDED = ("machine", "stacks", "time", "system")
"""Sections that are closed until somebody wants to see them."""


def render(document: Document) -> str:
    """The page. Raises NoPlotly where it has charts and the library is not installed."""
    charts = document.charts
    style, script = _asset("page.css"), _asset("page.js")
    allowed = [plotly_script.digest(script.encode())]
    packed = plotly_script.packed() if charts else None
    if packed is not None:
        allowed.append(packed.digest)
    scripts = []
    if packed is not None:
        figures = {chart.name: {"data": chart.data, "layout": chart.layout} for chart in charts}
        scripts = [
            f'<script type="application/json" id="figures">{as_json(figures)}</script>',
            f'<script type="text/plain" id="plotly">{packed.base64}</script>',
            f"<script>{script}</script>",
        ]
    kind = document.outcome.partition(".")[0]
    body = [
        '<header class="top">',
        f'<p class="badge {_class(kind)}"><span aria-hidden="true">{_SIGNS.get(kind, "✗")}</span> '
        f"{text(document.outcome)}</p>",
        f"<h1>{text(document.run)}</h1>",
        f'<p class="meaning">{text(document.meaning[:1].upper() + document.meaning[1:])}.</p>',
        f'<p class="subtitle">{text(document.subtitle)}</p>',
        f'<dl class="cards">{"".join(map(_card, document.cards))}</dl>',
        _contents(document.sections),
        "</header>",
        "<main>",
        *map(_section, document.sections),
        "</main>",
        f"<footer><p>{text(document.run)}. Made by <code>python -m runner report</code>; "
        "the page is whole in itself and loads nothing.</p></footer>",
    ]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(allowed)}">',
            '<meta name="referrer" content="no-referrer">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{text(document.outcome)} – {text(document.run)}</title>",
            '<link rel="icon" href="data:,">',
            f"<style>{style}</style>",
            "</head>",
            "<body>",
            *body,
            *scripts,
            "</body>",
            "</html>",
            "",
        ]
    )


def _policy(digests: Iterable[str]) -> str:
    # plotly sets styles of its own; without a script or a request they can do no harm.
    scripts = " ".join(f"'{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def text(words: str) -> str:
    """One line of anybody's text as HTML: no markup, no control characters, no order reversed."""
    return escape_html(printable(words))


def as_json(content: Mapping[str, Any]) -> str:
    """JSON that can stand in a script element: nothing in it ends the element or the line."""
    raw = machine_json.dumps(content, is_compact=True)
    for sign in "<>&":
        raw = raw.replace(sign, f"\\u{ord(sign):04x}")
    return raw


def _asset(name: str) -> str:
    return (resources.files("runner.report") / "assets" / name).read_text("utf-8")


def _class(kind: str) -> str:
    return kind if kind in ("ok", "running", "interrupted", "lost") else "bad"


def _card(card: Card) -> str:
    detail = f'<dd class="detail">{text(card.detail)}</dd>' if card.detail else ""
    return f"<div><dt>{text(card.what)}</dt><dd>{text(card.value)}</dd>{detail}</div>"


def _contents(sections: Iterable[Section]) -> str:
    links = "".join(f'<a href="#{one.name}">{text(one.title)}</a>' for one in sections)
    return f'<nav aria-label="Sections">{links}</nav>'


def _section(section: Section) -> str:
    blocks = "\n".join(map(_block, section.blocks))
    head = f'<h2 id="h-{section.name}">{text(section.title)}</h2>'
    if section.name in _FOLDED:
        blocks = f"<details><summary>{head}</summary>{blocks}</details>"
        head = ""
    return (
        f'<section id="{section.name}" aria-labelledby="h-{section.name}">{head}{blocks}</section>'
    )


def _block(block: Block) -> str:
    match block:
        case Text(words):
            return f"<p>{text(words)}</p>" if words else ""
        case Heading(words):
            return f"<h3>{text(words)}</h3>"
        case Table():
            return _table(block)
        case Items(lines):
            return f"<ul>{''.join(f'<li>{text(line)}</li>' for line in lines)}</ul>"
        case Code():
            return _code(block)
        case Chart():
            caption = (
                "" if block.has_table else f"<figcaption>{text(block.says)} {_ZOOM}</figcaption>"
            )
            return (
                f'<figure><div class="chart" id="chart-{block.name}" role="img" '
                f'data-height="{block.height}" aria-label="{text(block.says)}" '
                f'style="height:{block.height}px"></div>'
                f"{caption}</figure>"
            )
        case Tree(root):
            return f'<div class="tree">{_branch(root, root.size or 1, 0)}</div>'


def _table(table: Table) -> str:
    if not table.rows:
        return ""
    head = "".join(f'<th scope="col">{text(cell)}</th>' for cell in table.head)
    rows = "".join(
        f'<tr><th scope="row">{text(row[0])}</th>'
        + "".join(f"<td>{text(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in table.rows
    )
    wide = ' class="wide"' if len(table.head) > 2 else ""
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="table">'
        f"<table{wide}><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _code(block: Code) -> str:
    if not block.text.strip():
        return ""
    return (
        '<pre tabindex="0" role="region" aria-label="text of the job"><code>'
        + "\n".join(map(text, block.shown()))
        + "</code></pre>"
    )


def _branch(part: Part, whole: int, depth: int) -> str:
    share = min(100.0, 100 * part.size / whole)
    label = (
        f'<span class="name">{text(part.name)}</span>'
        f'<span class="bytes">{size(part.size)} · {share:.1f} %</span>'
        f'<span class="bar" style="width:{share:.2f}%"></span>'
    )
    if not part.children:
        return f'<div class="leaf">{label}</div>'
    inside = "".join(_branch(child, whole, depth + 1) for child in part.children)
    is_open = " open" if depth < 2 else ""
    return f"<details{is_open}><summary>{label}</summary>{inside}</details>"
