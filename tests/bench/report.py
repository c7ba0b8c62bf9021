"""The page of a twelve-hour run: its size, how soon it is there, and what it costs after a run."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from runner.ledger import Ledger
from runner.ledger_rows import put_samples
from runner.paths import ledger_path, run_paths
from runner.report import pages
from runner.report.material import gather
from runner.sampling import Sample
from tests import browser
from tests.bench.figure import Figure
from tests.runner import reported

_COUNT, _PERIOD_S = 432_000, 0.1
_OPENINGS = 5
_SPIKE = 271_828


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder)
        paths = run_paths(runs, reported.RUN)
        _record(runs)
        began = time.perf_counter()
        pages.write(runs, paths, ["html"])
        took = time.perf_counter() - began
        size = paths.page.stat().st_size / 1e6
        highest = max(gather(runs, paths).samples.columns["host_pss"]) / 2**30  # type: ignore[type-var, operator]
        return [
            Figure(
                "page of a 12-hour run, 432,000 samples",
                size,
                "MB",
                "<= 8 MB",
                size <= 8,
                f"with plotly.js; made from the ledger in {took:.1f} s",
            ),
            *_opening(paths.page, highest),
        ]


def _record(runs: Path) -> None:
    """A ledger with every sample; a supervisor would have kept fewer."""
    taken = reported.samples(_COUNT, _PERIOD_S, spike_at=_SPIKE)
    column = taken.columns
    rows = [
        Sample(
            at_s=at_s,
            phase=taken.phase[n],
            step=n,
            host_rss=int(column["host_rss"][n] or 0),
            host_pss=int(column["host_pss"][n] or 0),
            host_uss=int(column["host_uss"][n] or 0),
            shm=0,
            processes=3,
            device_used={0: int(column["device_used.0"][n] or 0)},
            torch_allocated=int(column["torch_allocated"][n] or 0),
            torch_reserved=int(column["torch_reserved"][n] or 0),
        )
        for n, at_s in enumerate(taken.at_s)
    ]
    (runs / reported.RUN / "attempt-1").mkdir(parents=True)
    ledger = Ledger(ledger_path(runs))
    with ledger.writing() as database:
        ledger.begin(reported.RUN, "train", "specproj", ["train"], "2026-03-14T09:15:00Z")
        put_samples(database, reported.RUN, 1, 0.0, rows)
    ledger.close()


def _opening(page: Path, highest: float) -> list[Figure]:
    name = "the same page in Chromium, from the click to every chart drawn"
    if (why := browser.why_not()) is not None:
        return [Figure(name, float("nan"), "s", "< 3 s", None, why)]
    seconds, shown = [], 0.0
    with browser.chromium() as found:
        for _ in range(_OPENINGS):
            tab = found.new_context(viewport={"width": 1280, "height": 900}).new_page()
            began = time.perf_counter()
            tab.goto(page.as_uri())
            tab.wait_for_selector("html[data-drawn]", state="attached")
            seconds.append(time.perf_counter() - began)
            shown = tab.evaluate("Math.max(...document.getElementById('chart-timeline').data[0].y)")
            tab.context.close()
    value = statistics.median(seconds)
    return [
        Figure(
            name,
            value,
            "s",
            "< 3 s",
            value < 3,
            f"median of {_OPENINGS}, {min(seconds):.2f} to {max(seconds):.2f}; headless, no GPU",
        ),
        Figure(
            "the highest sample, one of 432,000, against what the page shows",
            shown / highest,
            "of it",
            "1",
            abs(shown / highest - 1) < 1e-4,
            "sizes on the page have five digits",
        ),
    ]
