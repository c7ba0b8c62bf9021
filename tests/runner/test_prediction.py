"""From footprints to devices: pure decisions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner import prediction
from runner.cards import CARDS, Card
from runner.prediction import Line, Prediction, Span, exactly

MIB, GIB = 1 << 20, 1 << 30
CARD = Card("small", "a small one", 2 * GIB, False, (100 * MIB, 200 * MIB, 300 * MIB), 8 * MIB)
MEASURED = Path(__file__).parents[2] / "docs" / "results" / "memory-h100.json"


def footprint(batch: int, forward: int, optimizer: int) -> dict[str, Any]:
    held = max(forward, optimizer)
    return {
        "batch_size": batch,
        "steady": {"bytes": held, "by_phase": {"forward": forward, "optimizer": optimizer}},
        "allocator": {"allocated": held + 1000, "reserved": held + 5000},
        "largest_operator": 4000,
        "libraries": ["cudnn"],
        "model": "resnet",
        "mode": "train",
        "dtype": "fp16",
    }


def test_every_measured_row_is_predicted_within_8_percent_and_inside_its_range() -> None:
    rows = json.loads(MEASURED.read_text())["rows"]
    assert len(rows) >= 50
    off, outside = {}, []
    for row in rows:
        held = row["reserved"] + row["beside"]
        found = prediction.predict(row["footprint"], CARDS["h100"]).total
        off[row["configuration"]] = abs(found.likely / held - 1)
        if not found.holds(held):
            outside.append(row["configuration"])
    assert max(off.values()) <= 0.08, sorted(off.items(), key=lambda item: -item[1])[:5]
    assert len(outside) <= 0.05 * len(rows), outside


@pytest.mark.parametrize(
    ("mode", "libraries", "context", "handles"),
    [
        ("infer", ["cudnn"], 622, 0),
        ("train", ["cudnn"], 632, 0),
        ("infer", ["cublas", "cudnn"], 686, 1),
        ("train", ["cublas", "cudnn", "cufft"], 768, 2),
        ("train", ["cudnn", "cufft"], 640, 0),
    ],
)
def test_context_is_of_the_libraries_that_are_used(
    mode: str, libraries: list[str], context: int, handles: int
) -> None:
    asked = footprint(4, 8, 5) | {"mode": mode, "libraries": libraries}
    found = prediction.predict(asked, CARDS["h100"])
    assert found.context.likely == context * MIB
    assert found.workspaces.least == handles * 32 * MIB
    # On a card that was not measured the context is a range, and cuBLAS's workspaces are smaller.
    assert prediction.predict(asked, CARD).context.likely == 200 * MIB
    assert prediction.predict(asked, CARD).workspaces.least == handles * 8 * MIB


def test_parts_add_up_and_keep_their_order() -> None:
    found = prediction.predict(footprint(4, 80_000, 50_000), CARD)
    assert found.tensors == 80_000
    assert found.allocator == Span(1000, 5000, 5000 + 85_000 // 20)
    assert found.context == Span(100 * MIB, 200 * MIB, 300 * MIB)
    total = found.total
    assert total.least < total.likely < total.most
    parts = (found.allocator, found.workspaces, found.context)
    assert total.likely == 80_000 + sum(part.likely for part in parts)


def test_history_of_a_device_takes_the_place_of_the_table() -> None:
    seen = exactly(123 * MIB)
    assert prediction.predict(footprint(4, 8, 5), CARD, seen).context == seen


def test_lines_go_through_two_batches_by_phase() -> None:
    lines = prediction.lines(footprint(2, 120, 300), footprint(4, 220, 300))
    assert lines == {"forward": Line(20, 50), "optimizer": Line(300, 0)}
    # What is largest changes with the batch.
    assert [prediction.bytes_at(lines, n) for n in (1, 4, 8)] == [300, 300, 420]
    assert prediction.miss(lines, footprint(8, 420, 300)) == 0
    assert prediction.miss(lines, footprint(8, 840, 300)) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("room", "batch"), [(299, 0), (300, 5), (320, 6), (369, 6), (370, 7), (50_020, 1000)]
)
def test_largest_batch_is_the_last_that_has_room(room: float, batch: int) -> None:
    lines = {"forward": Line(20, 50), "optimizer": Line(300, 0)}
    assert prediction.largest_batch(lines, room) == batch


def test_batch_that_costs_nothing_is_bounded() -> None:
    assert prediction.largest_batch({"forward": Line(5, 0)}, 10) > 1 << 20


def test_only_a_batch_whose_own_prediction_fits_is_confirmed() -> None:
    def of(most: int) -> Prediction:
        return Prediction(most, exactly(0), exactly(0), exactly(0))

    tried = [(8, of(GIB)), (16, of(2 * GIB)), (17, of(2 * GIB + 1))]
    assert prediction.confirmed(tried, CARD) == 16
    assert prediction.confirmed([(1, of(3 * GIB))], CARD) == 0


def test_table_of_devices_is_in_order() -> None:
    for name, card in CARDS.items():
        assert name == card.name == name.lower()
        assert card.context[0] < card.context[1] < card.context[2] < card.memory // 10
        assert 15 * GIB // 2 < card.memory < 200 * GIB
