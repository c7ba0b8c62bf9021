"""What ``fit`` asks the children that find footprints. Nothing is started."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from runner import fit
from runner.commands.fit import FitCommand

OTHER: dict[str, Any] = {
    "models": ("hgnet",),
    "dtypes": ("bf16",),
    "modes": ("infer",),
    "batch_sizes": (32,),
    "activation_checkpointing": True,
    "ema": False,
}
_OF_THE_ANSWER = {"gpus", "runs_dir", "json"}
"""Options that change what is made of the footprints, and not which are found."""


def questions(command: FitCommand) -> list[dict[str, Any]]:
    asked = command.asked({})
    return [fit.question(asked, *one) for one in fit.first(asked)]


@pytest.mark.parametrize(
    "name", [field.name for field in dataclasses.fields(FitCommand) if field.name not in
             _OF_THE_ANSWER]
)  # fmt: skip
def test_every_option_changes_what_the_child_is_asked(name: str) -> None:
    assert questions(FitCommand(**{name: OTHER[name]})) != questions(FitCommand())


def test_each_model_type_mode_and_batch_is_asked_for_once() -> None:
    found = questions(FitCommand(models=("specproj", "hgnet"), batch_sizes=(2, 16)))
    assert len({tuple(one.items()) for one in found}) == len(found) == 2 * 2 * len({2, 4, 8, 16})
    assert all(one["ema"] for one in found)
