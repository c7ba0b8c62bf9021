"""How the comparison of the networks shares out the time, and what its page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from fwi import config
from fwi.layout import FAMILIES
from tests.bench import baselines, baselines_page
from tests.bench.baselines import Comparison, Row
from tests.bench.baselines_entries import ENTRIES, Entry, Kind, Settings
from tests.bench.step_rate import StepRate

MINUTE = Settings(minutes=1.0, maps=10, file=5)  # of 100 training maps: 0.6 s a map and epoch
SLOW, FAST = Entry("convnext", "convnext_small"), Entry("specproj")


def rate(processor_s: float, kept: int = 20_000_000) -> StepRate:
    return StepRate(processor_s, processor_s / 2, 8_000_000, kept, 16)


def row(entry: str, mae: float, kind: Kind = "time", peak: int = 2**30) -> Row:
    by_family: dict[str, float] = dict.fromkeys(FAMILIES, mae)
    return Row(entry, kind, 2, 2000, mae, by_family, 4.0, 300.0, 550.0, peak, None)


@pytest.mark.parametrize(
    ("processor_s", "epochs"), [(0.6, 1), (0.3, 2), (0.25, 2), (0.2, 3), (0.1, 6), (5.0, 1)]
)
def test_budget_gives_the_nearest_number_of_epochs_and_at_least_one(
    processor_s: float, epochs: int
) -> None:
    [(_, kind, found)] = baselines.planned(MINUTE, [FAST], {FAST.name: rate(processor_s)})
    assert (kind, found) == ("time", epochs)


def test_same_samples_are_those_that_the_slowest_network_has_time_for() -> None:
    rates = {SLOW.name: rate(0.3), FAST.name: rate(0.1)}
    assert list(baselines.planned(MINUTE, [FAST, SLOW], rates)) == [
        (FAST, "time", 6),
        (SLOW, "time", 2),
        (FAST, "samples", 2),
    ]


def test_budget_of_a_gpu_is_by_the_wall_clock() -> None:
    settings = Settings("cuda", minutes=1.0, maps=10, file=5)
    [(_, _, found)] = baselines.planned(settings, [FAST], {FAST.name: rate(0.2)})
    assert found == 6


def test_other_settings_are_kept_in_another_folder() -> None:
    names = {Settings().name, Settings(maps=99).name, Settings(threads=1).name}
    assert len(names) == 3
    assert Settings().name == Settings().name


def test_every_network_is_a_job_that_the_trainer_takes(tmp_path: Path) -> None:
    for entry in ENTRIES:
        assert not config.problems(baselines.job_of(Settings(), entry, 3, tmp_path))
    published = baselines.job_of(Settings(), ENTRIES[1], 3, tmp_path)
    assert (published.lr, published.weight_decay, published.clip, published.ema) == (
        *(1e-3, 0.0, 3.0, 0.99),
    )
    assert published.validation_fraction == pytest.approx(0.2)


def test_training_time_of_a_run_is_that_of_its_phases() -> None:
    result = {
        "phases": [
            {"name": "startup", "seconds": 10.0},
            {"name": "forward", "seconds": 20.0},
            {"name": "backward", "seconds": 40.0},
            {"name": "evaluate", "seconds": 10.0},
        ],
        "gauges": {"mae": 300.0, **{f"mae.{name}": 300.0 for name in FAMILIES}},
        "peaks": {"host_pss": None, "host_rss": 7, "device_allocated": None},
    }
    found = baselines.row_of(FAST, "time", MINUTE, 3, result, processor_s=160.0)
    assert (found.samples, found.samples_per_s) == (300, 5.0)
    assert (found.training_s, found.processor_s) == (60.0, 120.0)
    assert found.host_peak == 7


def comparison(own: float) -> Comparison:
    rates = {entry.name: rate(0.2, 30_000_000) for entry in ENTRIES} | {"specproj": rate(0.2)}
    rows = [row(entry.name, 300.0) for entry in ENTRIES if entry.model != "specproj"]
    return Comparison(Settings(), rates, (row("specproj", own, peak=2**29), *rows))


@pytest.mark.parametrize(("own", "met"), [(299.0, True), (300.0, False), (310.0, False)])
def test_own_network_is_held_against_each_baseline_of_the_published_size(
    own: float, met: bool
) -> None:
    figures = baselines_page.figures(comparison(own))
    errors = [figure.met for figure in figures if figure.name.startswith("MAE")]
    assert errors == [met, met]  # hgnetv2_b2 and convnext_small
    assert all(figure.met for figure in figures if not figure.name.startswith("MAE"))


def test_page_lists_the_networks_from_the_best_and_what_was_missed() -> None:
    lines = baselines_page.page(comparison(310.0), "Machine: M.", "python -m x").splitlines()
    start = lines.index("## The same time") + 4
    assert lines[start + len(ENTRIES) - 1].startswith("| `specproj` | AdamW 1e-3 | 2 | 2,000 |")
    assert "| MAE against hgnet (hgnetv2_b2), same time | 310.0 m/s | < 300.0 | missed |" in lines
    widths = {line.count("|") for line in lines[start - 2 : start + len(ENTRIES)]}
    assert len(widths) == 1
