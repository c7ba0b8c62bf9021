"""What earlier runs say of a device, in place of the table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fwi import config
from probes.device import DeviceMemory
from runner import fit_history, past_overheads
from runner.batch_finder import Predictor
from runner.cards import CARDS, card_of
from runner.fit import Asked
from runner.fit_history import Measured
from runner.footprints import Footprints
from runner.ledger import Ledger
from runner.paths import ledger_path
from runner.prediction import Span
from runner.profiling import predicting
from runner.profiling.configuration import parse
from runner.where import Where

MIB, GIB = 1 << 20, 1 << 30
KEY = ("specproj", "fp16", "train", "t4")


def row(overhead: Any = 400 * MIB, **more: Any) -> dict[str, Any]:
    known = {"device": "Tesla T4", "total": 15_360 * MIB}
    job = {"model": "specproj", "dtype": "fp16", "mode": "train"}
    return {**known, **job, "overhead": overhead, **more}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], {}),
        ([row()], {KEY: Measured(Span(300 * MIB, 400 * MIB, 500 * MIB), 1)}),
        # The more there were, the less is added beyond what was seen.
        ([row(350), row(400), row(450)], {KEY: Measured(Span(284, 400, 516), 3)}),
        (
            [
                row(),
                row(dtype="fp32"),
                row(model="hgnet"),
                row(mode="infer"),
                row(device="NVIDIA L4", total=23 * GIB),
            ],
            {
                key: Measured(Span(300 * MIB, 400 * MIB, 500 * MIB), 1)
                for key in (
                    KEY,
                    ("specproj", "fp32", "train", "t4"),
                    ("hgnet", "fp16", "train", "t4"),
                    ("specproj", "fp16", "infer", "t4"),
                    ("specproj", "fp16", "train", "l4"),
                )
            },
        ),
        # Of a version that did not tell the mode: it may be of either.
        ([row(mode=None), row(mode="both"), {k: v for k, v in row().items() if k != "mode"}], {}),
        ([row(device="a device"), row(total=None), row("much"), row(-5), row(True), {}], {}),
    ],
)
def test_history_becomes_spans(
    rows: list[dict[str, Any]], expected: dict[fit_history.Key, Measured]
) -> None:
    assert fit_history.overheads(rows) == expected


@pytest.mark.parametrize(
    ("name", "mib", "card"),
    [
        ("Tesla T4", 15_360, "t4"),
        ("Tesla P100-PCIE-16GB", 16_384, "p100"),
        ("Tesla V100-SXM2-16GB", 16_384, "v100"),
        ("Tesla V100-SXM2-32GB", 32_768, "v100-32"),
        ("NVIDIA GeForce RTX 3090", 24_576, "rtx3090"),
        ("NVIDIA GeForce RTX 4090", 24_564, "rtx4090"),
        ("NVIDIA L4", 23_034, "l4"),
        ("NVIDIA L40S", 46_068, None),
        ("NVIDIA A10G", 23_028, "a10g"),
        ("NVIDIA A100-SXM4-40GB", 40_960, "a100-40"),
        ("NVIDIA A100 80GB PCIe", 81_920, "a100-80"),
        ("NVIDIA H100 80GB HBM3", 81_559, "h100"),
        ("NVIDIA H200", 143_771, "h200"),
        # A part of one (MIG) is another device.
        ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", 9_984, None),
        ("", 15_360, None),
    ],
)
def test_names_of_drivers_are_cards_of_the_table(name: str, mib: int, card: str | None) -> None:
    found = card_of(name, mib * MIB)
    assert (found.name if found else None) == card


def test_only_runs_of_the_same_network_type_mode_and_device_refine() -> None:
    seen = Measured(Span(1, 2, 3), 4)
    asked = Asked((), (), (), (), (), overheads={KEY: seen})
    assert asked.overhead(("specproj", "fp16", "train"), CARDS["t4"]) == seen.span
    for key, card in (
        (("specproj", "fp32", "train"), "t4"),
        (("hgnet", "fp16", "train"), "t4"),
        (("specproj", "fp16", "infer"), "t4"),
        (("specproj", "fp16", "train"), "p100"),
    ):
        assert asked.overhead(key, CARDS[card]) is None
    assert seen.words == "history of 4 runs"


SEEN = {KEY: Measured(Span(1 * MIB, 2 * MIB, 3 * MIB), 4)}
HELD = {
    "steady": {"bytes": 100},
    "allocator": {"allocated": 100, "reserved": 100},
    "largest_operator": 0,
    "libraries": [],
    "model": "specproj",
    "mode": "train",
    "dtype": "fp16",
}


def device(name: str = "Tesla T4") -> Where:
    """The first of a machine, with less free than it has."""
    return Where("cuda:0", DeviceMemory(0, name, 15_360 * MIB, 9000 * MIB, 6360 * MIB, {}))


@pytest.mark.parametrize(
    ("key", "where", "is_refined"),
    [
        ("specproj/fp16/train/b1", device(), True),
        ("specproj/fp16/infer/b1", device(), False),
        ("specproj/fp32/train/b1", device(), False),
        ("specproj/fp16/train/b1", device("Quadro T2"), False),
    ],
)
def test_profile_is_predicted_by_the_history_of_its_device(
    key: str, where: Where, is_refined: bool
) -> None:
    found = predicting.predict(parse(key), HELD, where, SEEN)
    assert (found.total[1] == 100 + 2 * MIB) is is_refined
    assert found.total[1] == 100 + 2 * MIB or found == predicting.predict(parse(key), HELD, where)


def test_batch_that_fits_is_predicted_by_the_history_of_its_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Footprints, "find", lambda _, asked: [HELD for _ in asked])
    for dtype, likely in (("fp16", 100 + 2 * MIB), ("fp32", None)):
        job = config.Train(dtype=dtype)  # type: ignore[arg-type]
        with Predictor(job, device(), SEEN) as refined, Predictor(job, device(), {}) as plain:
            assert refined(1).likely == (likely or plain(1).likely)
            assert plain(1).likely > 100 * MIB


@pytest.mark.parametrize("content", [None, b"this is no ledger, and it is long enough " * 9])
def test_ledger_that_is_not_there_or_damaged_tells_nothing(
    content: bytes | None, tmp_path: Path
) -> None:
    said: list[str] = []
    if content is not None:
        ledger_path(tmp_path).write_bytes(content)
    assert past_overheads.of(tmp_path, said.append) == {}
    assert [text.startswith("earlier runs are not counted: ") for text in said] == (
        [True] if content else []
    )


def test_ledger_gives_what_its_runs_have_measured(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    for n, told in enumerate((row(), None, {"device": "another"})):
        run = f"20260314-09150{n}-train-x-7f3a"
        ledger.begin(run, "train", "", ["train"], f"2026-03-14T09:15:0{n}Z")
        with ledger.writing() as database:
            content = json.dumps({"measured": told})
            database.execute(
                "UPDATE run SET state='done', device_used=1, result=? WHERE id=?", (content, run)
            )
    assert ledger.measured() == [{"device": "another"}, row()]
    assert ledger.measured(1) == [{"device": "another"}]
    ledger.close()
