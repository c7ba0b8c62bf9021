"""``python -m runner fit``: real children, real networks, no device."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from runner.footprints import FootprintError, Footprints
from tests.runner.conftest import ROOT

pytestmark = pytest.mark.long

pytest.importorskip("torch")

_ASKED = {
    "model": "specproj",
    "dtype": "fp32",
    "mode": "train",
    "batch_size": 2,
    "activation_checkpointing": False,
}


def fit(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runner", "fit", *options],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=280,
    )


def test_largest_batch_is_one_whose_own_prediction_fits() -> None:
    done = fit("--gpus", "t4", "h100", "--dtypes", "fp16", "--batch-sizes", "4", "--json")
    assert done.returncode == 0, done.stderr
    [found] = json.loads(done.stdout)
    small, large = found["largest_batch"]["t4"], found["largest_batch"]["h100"]
    assert 100 < small < large
    for card, memory in (("t4", 15_095 << 20), ("h100", 81_000 << 20)):
        own = found["cards"][card][str(found["largest_batch"][card])]
        assert 0.8 * memory < own["total"][2] <= memory
        assert own["total"][1] == own["tensors"] + sum(
            own[part][1] for part in ("allocator", "workspaces", "context")
        )
    assert found["affine_miss"] < 0.02
    steady = found["steady"]["4"]
    assert sum(steady["by_kind"].values()) == steady["bytes"] == steady["by_module"][""]


def test_table_tells_how_each_part_was_found() -> None:
    done = fit("--gpus", "p100", "--dtypes", "fp32", "--modes", "infer", "--batch-sizes", "1")
    assert done.returncode == 0, done.stderr
    for words in ("Tesla P100", "largest batch that fits", "under fake tensors", "not measured"):
        assert words in done.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--gpus", "t5"), "--gpus t5: expected some of t4"),
        (("--batch-sizes", "0"), "--batch-sizes (0,): expected whole numbers from 1"),
        (
            ("--models", "hgnet", "specproj-original", "--activation-checkpointing"),
            "--activation-checkpointing: expected models of specproj, hgnet, convnext, caformer, "
            "inversionnet, not specproj-original",
        ),
    ],
)
def test_wrong_option_is_said_in_a_line(options: tuple[str, ...], words: str) -> None:
    done = fit(*options)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_children_answer_in_the_order_of_the_questions_and_once_each() -> None:
    said: list[str] = []
    sizes = (1, 4, 2, 4)
    with Footprints(2, said.append) as footprints:
        found = footprints.find(_ASKED | {"batch_size": size} for size in sizes)
        again = footprints.find([_ASKED | {"batch_size": 2}])
    assert [one["batch_size"] for one in found] == list(sizes)
    assert again[0] is found[2]
    assert len(said) == 3
    held = {one["batch_size"]: one["steady"]["bytes"] for one in found}
    assert held[1] < held[2] < held[4]


def test_child_that_dies_tells_its_last_words() -> None:
    with Footprints(1, print) as footprints, pytest.raises(FootprintError, match="no such model"):
        footprints.find([_ASKED | {"model": "no such model"}])


def test_recomputing_activations_takes_less() -> None:
    with Footprints(1, print) as footprints:
        plain, again = footprints.find(
            _ASKED | {"batch_size": 8, "activation_checkpointing": one} for one in (False, True)
        )
    kept = [one["steady"]["by_kind"]["activations"] for one in (plain, again)]
    assert kept[1] < 0.5 * kept[0]
