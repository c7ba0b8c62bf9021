"""The report of a profile: its forms, and its page in a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner import cli
from runner.report import profile as report
from tests import browser
from tests.runner import profiled

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHARTS = {"chart-peaks", "chart-kinds", "chart-throughput", "chart-predicted"}
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}


def test_markdown_tells_every_row_and_why_some_are_missing(tmp_path: Path) -> None:
    profile = profiled.profile(tmp_path)
    made = report.FORMS["md"](profile)
    assert made.startswith(f"# Profile {profile.id}")
    assert "13 of 16 configurations measured, 1 skipped, 1 failed; go on with" in made
    for words in (
        "| specproj/fp32/infer/b4/w0 | ok |",
        "oom.host.limit: it held too much",
        "Peak by batch",
        "Throughput against the peak",
        "Predicted against measured",
    ):
        assert words in made, words
    assert made.count("/w0 |") >= 15 + 13


def test_json_holds_every_row(tmp_path: Path) -> None:
    profile = profiled.profile(tmp_path)
    found = json.loads(report.FORMS["json"](profile))
    assert found["profile"] == profile.id
    assert len(found["rows"]) == 15
    assert {row["outcome"] for row in found["rows"]} == {"ok", "oom.host.limit", "skipped"}


def test_report_command_makes_the_page_of_a_profile_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = profiled.profile(tmp_path)
    assert cli.main(["report", profile.id, "--runs-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().out.strip() == str(profile.page)
    assert "chart-peaks" in profile.page.read_text()
    assert cli.main(["report", profile.id, "--format", "trace", "--runs-dir", str(tmp_path)]) == 2
    assert "a profile has html, md, json" in capsys.readouterr().err


def test_profile_without_a_row_has_a_page_too(tmp_path: Path) -> None:
    profile = profiled.profile(tmp_path)
    for file in (profile.folder / "rows").iterdir():
        file.unlink()
    assert "0 of 16 configurations measured" in report.FORMS["html"](profile)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if (why := browser.why_not()) is not None:
        pytest.skip(why)
    with browser.chromium() as found:
        yield found


def opened(chromium: Browser, folder: Path, hostile: str = "", **how: object) -> tuple[Page, list]:
    """The page, and what the console said or something asked for."""
    path = folder / "report.html"
    path.write_text(report.FORMS["html"](profiled.profile(folder, hostile)))
    page = chromium.new_context(**how).new_page()  # type: ignore[arg-type]
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda request: heard.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-drawn]", timeout=60_000, state="attached")
    assert heard == [path.as_uri()]
    return page, heard


def test_page_draws_its_charts_and_zooms_without_an_error_or_a_request(
    chromium: Browser, tmp_path: Path
) -> None:
    page, heard = opened(chromium, tmp_path, viewport={"width": 1280, "height": 900})
    names = page.eval_on_selector_all(".chart", "all => all.map((one) => one.id)")
    assert set(names) == CHARTS
    for name in names:
        assert page.locator(f"#{name} svg.main-svg").count() > 0, name
    assert page.locator("#chart-peaks .scatterlayer .trace").count() == 7
    assert page.locator("#chart-kinds .barlayer .point").count() >= 13 * 3
    assert page.locator("#chart-predicted .errorbar").count() == 13
    place = page.locator("#chart-throughput")
    place.scroll_into_view_if_needed()
    across = "document.getElementById('chart-throughput')._fullLayout.xaxis.range"
    whole = page.evaluate(across)
    box = page.locator("#chart-throughput .nsewdrag").first.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.3 * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], y, steps=8)
    page.mouse.up()
    for _ in range(300):
        low, high = page.evaluate(across)
        if high - low < 0.5 * (whole[1] - whole[0]):
            break
        page.wait_for_timeout(50)
    else:
        pytest.fail("dragging did not zoom")
    assert len(heard) == 1
    page.context.close()


def test_hostile_names_stay_text_on_a_phone_in_the_dark(chromium: Browser, tmp_path: Path) -> None:
    page, _ = opened(chromium, tmp_path, profiled.HOSTILE, color_scheme="dark", **PHONE)
    page.wait_for_timeout(200)
    assert page.evaluate("window.hacked") is None
    assert page.locator("body").inner_text().count(profiled.HOSTILE) >= 3
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    paper = page.locator("section").first.evaluate("one => getComputedStyle(one).backgroundColor")
    assert paper == "rgb(28, 32, 36)"
    page.context.close()
