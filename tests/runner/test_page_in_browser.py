"""The page of a run in a real browser: what a person sees, and what a hostile job cannot do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runner.report import document, html
from runner.report.material import Material
from tests import browser
from tests.runner import reported

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(browser.why_not() is not None, reason=str(browser.why_not())),
]

DESKTOP = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}


@dataclass
class Opened:
    page: Page
    said: list[str] = field(default_factory=list)
    """Messages of the console, and errors."""
    asked: list[str] = field(default_factory=list)
    """Addresses that something was asked of."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser.chromium() as found:
        yield found


@pytest.fixture
def show(chromium: Browser, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    contexts = []

    def run(material: Material, *, drawn: bool = True, **how: Any) -> Opened:
        path = tmp_path / "report.html"
        path.write_text(html.render(document.of_run(material)))
        context = chromium.new_context(**{**DESKTOP, **how})
        contexts.append(context)
        page = context.new_page()
        opened = Opened(page)
        page.on("console", lambda message: opened.said.append(message.text))
        page.on("pageerror", lambda error: opened.said.append(str(error)))
        page.on("request", lambda request: opened.asked.append(request.url))
        page.goto(path.as_uri())
        if drawn:
            page.wait_for_selector("html[data-drawn]", timeout=60_000, state="attached")
        return opened

    yield run
    for context in contexts:
        context.close()


Show = Callable[..., Opened]


def wait_for(page: Page, condition: str) -> None:
    """The page's policy forbids what ``wait_for_function`` does. The bound ends a failed test."""
    for _ in range(300):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"never became true: {condition}")


_RANGE = (
    "document.getElementById('chart-timeline')._fullLayout.xaxis.range.map((d) => +new Date(d))"
)


def test_page_draws_its_charts_without_an_error_or_a_request(show: Show) -> None:
    opened = show(reported.material())
    page = opened.page
    assert opened.said == []
    assert [url for url in opened.asked if not url.startswith("file:")] == []
    assert len(opened.asked) == 1
    names = page.eval_on_selector_all(".chart", "all => all.map((one) => one.id)")
    assert set(names) == {
        "chart-timeline", "chart-curves", "chart-tensors", "chart-holders",
        "chart-held", "chart-modules", "chart-ledger-device", "chart-tree-attribution",
    }  # fmt: skip
    for name in names:
        assert page.locator(f"#{name} svg.main-svg").count() > 0, name
    assert page.locator("#chart-timeline .scatterlayer .trace").count() >= 7
    assert page.locator("#chart-timeline .barlayer .point").count() > 100
    assert page.locator("#chart-tree-attribution .slice").count() >= 3
    words = page.locator("#chart-timeline").text_content() or ""
    for mark in ("peak 2.9 GiB", "attempt 2", "stall", "epoch 1"):
        assert mark in words, mark


def test_dragging_zooms_and_a_double_click_shows_all_again(show: Show) -> None:
    page = show(reported.material()).page
    page.locator("#chart-timeline").scroll_into_view_if_needed()
    whole = page.evaluate(_RANGE)
    box = page.locator("#chart-timeline .nsewdrag").first.bounding_box()
    assert box is not None
    x, y = box["x"], box["y"] + box["height"] / 2
    page.mouse.move(x + 0.3 * box["width"], y)
    page.mouse.down()
    page.mouse.move(x + 0.6 * box["width"], y, steps=8)
    page.mouse.up()
    wait_for(page, f"{_RANGE}[1] - {_RANGE}[0] < {0.5 * (whole[1] - whole[0])}")
    page.emulate_media(color_scheme="dark")
    wait_for(
        page, "document.getElementById('chart-timeline')._fullLayout.paper_bgcolor === '#1c2024'"
    )
    zoomed = page.evaluate(_RANGE)
    assert zoomed[1] - zoomed[0] < 0.5 * (whole[1] - whole[0]), "other colours keep the zoom"
    page.mouse.dblclick(x + 0.5 * box["width"], y)
    wait_for(page, f"{_RANGE}[1] - {_RANGE}[0] > {0.99 * (whole[1] - whole[0])}")


def test_what_a_hostile_job_wrote_stays_text(show: Show) -> None:
    opened = show(reported.hostile())
    page = opened.page
    page.wait_for_timeout(200)
    assert opened.said == []
    assert len(opened.asked) == 1
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0
    shown = page.locator("body").inner_text()
    assert shown.count("<script>window.hacked = 1</script>") >= 8
    assert "<img src=x onerror='window.hacked = 1'>" in shown
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\u2028\u2029]", shown)
    output = page.locator("#output pre").inner_text().splitlines()
    assert output[0] == reported.HOSTILE[0]
    assert output[-1].endswith("and 3,000 more")


def test_no_script_of_another_can_run_and_nothing_can_be_sent(show: Show) -> None:
    opened = show(reported.material())
    page = opened.page
    page.evaluate(
        """() => {
            const own = document.createElement("script");
            own.textContent = "window.injected = 1";
            document.body.append(own);
            document.body.insertAdjacentHTML("beforeend", "<b onclick='window.injected=1'>x</b>");
            document.body.lastChild.click();
        }"""
    )
    assert page.evaluate("window.injected") is None
    sent = page.evaluate("fetch('https://example.org/').then(() => 'sent', () => 'refused')")
    assert sent == "refused"
    assert [url for url in opened.asked if not url.startswith("file:")] == []


@pytest.mark.parametrize("of", [reported.material, reported.hostile], ids=["long", "hostile"])
def test_on_a_phone_the_page_does_not_scroll_sideways(
    show: Show, of: Callable[[], Material]
) -> None:
    page = show(of(), **PHONE).page
    wide, seen = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert (wide, seen) == (360, 360)
    for chart in page.locator(".chart").all():
        box = chart.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_lines_stand_out_from_the_background(show: Show, scheme: str) -> None:
    page = show(reported.material(), color_scheme=scheme).page
    paper = _colour(page, "section", "background-color")
    assert (sum(paper) > 600) is (scheme == "light")
    for place in ("section p", "td", "thead th", "nav a", ".badge", "figcaption", ".subtitle"):
        assert _contrast(_colour(page, place, "color"), paper) >= 4.5, place
    for place in (".xtick text", ".ytick text", ".legendtext"):
        text = _colour(page, f"#chart-timeline {place}", "fill")
        assert _contrast(text, paper) >= 4.5, place
    for index in range(page.locator("#chart-timeline .js-line").count()):
        line = page.locator("#chart-timeline .js-line").nth(index)
        stroke = _numbers(line.evaluate("one => getComputedStyle(one).stroke"))
        assert _contrast(stroke, paper) >= 3, index


def test_headings_tables_and_charts_can_be_found_without_eyes(show: Show) -> None:
    page = show(reported.material()).page
    levels = page.eval_on_selector_all("h1,h2,h3", "all => all.map((one) => +one.tagName[1])")
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert page.locator("th:not([scope])").count() == 0
    for chart in page.locator(".chart").all():
        assert len(chart.get_attribute("aria-label") or "") > 20
    assert page.locator("html").get_attribute("lang") == "en"
    for target in page.eval_on_selector_all("nav a", "all => all.map((one) => one.hash)"):
        assert page.locator(target).count() == 1


def test_without_scripts_everything_but_the_drawing_is_there(show: Show) -> None:
    opened = show(reported.material(), drawn=False, java_script_enabled=False)
    words = opened.page.locator("body").inner_text()
    for part in ("oom.device.capacity", "halve --batch-size", "parameters", "after 6:40"):
        assert part in words, part


def test_a_run_of_twelve_hours_fits_a_page_that_keeps_its_peak(show: Show, tmp_path: Path) -> None:
    material = reported.material(432_000, 0.1)
    opened = show(material)
    assert (tmp_path / "report.html").stat().st_size <= 8_000_000
    assert opened.said == []
    highest = opened.page.evaluate(
        "Math.max(...document.getElementById('chart-timeline').data[0].y)"
    )
    assert highest == pytest.approx(2.9, abs=1e-4)


def _colour(page: Page, place: str, name: str) -> tuple[float, ...]:
    found = page.locator(place).first.evaluate(f"one => getComputedStyle(one)['{name}']")
    return _numbers(found)


def _numbers(colour: str) -> tuple[float, ...]:
    return tuple(float(part) for part in re.findall(r"[\d.]+", colour)[:3])


def _contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """WCAG 2.2, relative luminance and contrast ratio."""

    def luminance(colour: tuple[float, ...]) -> float:
        parts = [c / 255 for c in colour]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
