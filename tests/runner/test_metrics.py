"""The file of live numbers, read by the readers that it is for."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import Metric, parser
from prometheus_client.openmetrics import parser as openmetrics_parser

from probes import pulse
from probes.pulse import Pulse
from runner import metrics
from runner.metrics import Family, MetricsFile
from runner.options import Supervision
from runner.sampling import Sample
from tests.runner.conftest import Supervised

GIB = 1 << 30
SAMPLE = Sample(1.0, "forward", 7, 3 * GIB, 2 * GIB, GIB, 4096, 3, {0: 5 * GIB, 1: 0}, 17, 19)
PULSE = Pulse(5, 1.0, "forward", 7, 400)
HOSTILE = ('a"b', "back\\slash", "two\nlines", "\r", "}", "\udcff", "x" * 3000, "", 'n{a="b"} 1\n')


def readings(text: str) -> list[dict[tuple[str, frozenset[tuple[str, str]]], float]]:
    """(name, labels) → value as each of the two formats has it."""

    def of(families: list[Metric]) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        return {
            (one.name, frozenset(one.labels.items())): one.value
            for family in families
            for one in family.samples
        }

    return [
        of(list(parser.text_string_to_metric_families(text))),
        of(list(openmetrics_parser.text_string_to_metric_families(text))),
    ]


def test_both_readers_find_every_number() -> None:
    told = metrics.families(SAMPLE, PULSE, {"loss": 341.25, "samples_per_s": 96.5, "mae": 12.0})
    run = {"run": "r", "job": "train"}
    labels = frozenset(run.items())
    for found in readings(metrics.render(told, run)):
        values = {name: value for (name, own), value in found.items() if own == labels}
        assert values == {
            "fwi_run_running": 1,
            "fwi_host_pss_bytes": 2 * GIB,
            "fwi_host_rss_bytes": 3 * GIB,
            "fwi_host_uss_bytes": GIB,
            "fwi_shm_bytes": 4096,
            "fwi_processes": 3,
            "fwi_torch_allocated_bytes": 17,
            "fwi_torch_reserved_bytes": 19,
            "fwi_step": 7,
            "fwi_steps": 400,
            "fwi_samples_per_second": 96.5,
            "fwi_loss": 341.25,
        }
        assert found["fwi_device_used_bytes", labels | {("device", "0")}] == 5 * GIB
        assert found["fwi_number", labels | {("name", "mae")}] == 12


def test_outcome_comes_with_the_end() -> None:
    text = metrics.render(metrics.families(None, None, {}, "oom.host.killed"), {"run": "r"})
    for found in readings(text):
        assert found["fwi_run_running", frozenset({("run", "r")})] == 0
        ended = frozenset({("run", "r"), ("outcome", "oom.host.killed")})
        assert found["fwi_run_outcome", ended] == 1


def test_file_that_stays_has_the_last_words_and_nothing_of_the_living(tmp_path: Path) -> None:
    path = tmp_path / "run.prom"
    recorder = tmp_path / "pulse"
    pulse.create(recorder)
    reader = pulse.Reader(recorder)
    try:
        told = MetricsFile(path, "r", "train", pytest.fail)
        told.look(0.0, reader)
        told.sample(SAMPLE)
        last = replace(
            reader.record(), pulse=Pulse(9, 2.0, "forward", 20, 20), gauges={"loss": 81.0}
        )
        told.finish("ok", last)
    finally:
        reader.close()
    labels = frozenset({("run", "r"), ("job", "train")})
    for found in readings(path.read_text()):
        assert found.pop(("fwi_updated_seconds", labels)) > 0
        assert found == {
            ("fwi_run_running", labels): 0,
            ("fwi_run_outcome", labels | {("outcome", "ok")}): 1,
            ("fwi_step", labels): 20,
            ("fwi_steps", labels): 20,
            ("fwi_loss", labels): 81,
            ("fwi_number", labels | {("name", "loss")}): 81,
        }


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_names(name: str) -> None:
    text = metrics.render(metrics.families(SAMPLE, PULSE, {name: 3.5}), {"run": name, "job": "x"})
    shown = name.encode("utf-8", "replace").decode().replace("\r", " ")
    for found in readings(text):
        labels = {("run", shown), ("job", "x"), ("name", shown)}
        assert found["fwi_number", frozenset(labels)] == 3.5
        assert all(name.startswith("fwi_") for name, _ in found)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_number_that_is_none_is_left_out(value: float) -> None:
    assert metrics.render([Family("fwi_loss", "Newest loss.", (({}, value),))], {}) == "# EOF\n"


@pytest.mark.parametrize("value", [0, -1, 1e-300, 1e300, 1 / 3, 2**53, 2**60 + 0.0, 12345678901])
def test_numbers_are_read_back_as_they_were(value: float) -> None:
    for found in readings(metrics.render([Family("fwi_x", "X.", (({}, value),))], {})):
        assert list(found.values()) == [value]


def test_file_that_cannot_be_written_is_said_once(tmp_path: Path) -> None:
    said: list[str] = []
    told = MetricsFile(tmp_path / "gone" / "run.prom", "r", "exec", said.append)
    told.sample(SAMPLE)
    told.finish("ok")
    assert len(said) == 1
    assert "run.prom was not written" in said[0]


def test_folder_that_is_not_there_is_a_wrong_option(tmp_path: Path) -> None:
    [wrong] = Supervision(metrics_file=tmp_path / "gone" / "run.prom").problems()
    assert "--metrics-file" in wrong


def test_link_stays_and_what_is_no_file_is_a_wrong_option(tmp_path: Path) -> None:
    link = tmp_path / "run.prom"
    link.symlink_to("real.prom")
    assert Supervision(metrics_file=link).problems() == []
    MetricsFile(link, "r", "exec", pytest.fail).finish("ok")
    assert link.is_symlink()
    assert "fwi_run_outcome" in (tmp_path / "real.prom").read_text()
    for place, words in (("/dev/null", "is a pipe or a device"), (tmp_path, "Is a directory")):
        [wrong] = Supervision(metrics_file=Path(place)).problems()
        assert f"--metrics-file {place}: {words}" in wrong
    said: list[str] = []
    MetricsFile(Path("/dev/null"), "r", "exec", said.append).finish("ok")
    assert len(said) == 1
    assert Path("/dev/null").is_char_device()


_PROGRAM = """
import time
from probes import pulse
pulse.attach()
for n in range(12):
    pulse.beat(step=n + 1, total=12)
    pulse.gauge("loss", 18.5 - n)
    time.sleep(0.1)
"""


def test_run_leaves_its_last_numbers_and_its_outcome(
    supervise: Callable[..., Supervised], tmp_path: Path
) -> None:
    path = tmp_path / "run.prom"
    run = supervise([sys.executable, "-c", _PROGRAM], "--metrics-file", str(path))
    labels = frozenset({("run", run.result["run"]), ("job", "exec")})
    for found in readings(path.read_text()):
        assert found["fwi_run_outcome", labels | {("outcome", "ok")}] == 1
        assert found["fwi_loss", labels] == 7.5
        assert found["fwi_step", labels] == found["fwi_steps", labels] == 12
        assert ("fwi_processes", labels) not in found, "none is left"
        assert ("fwi_host_rss_bytes", labels) not in found
    assert [one.name for one in tmp_path.glob("*run.prom*")] == ["run.prom"]
    assert path.stat().st_mode & 0o777 == 0o644
