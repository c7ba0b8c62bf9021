"""Footprints beside the same steps for real."""

from __future__ import annotations

import pytest
import torch

from fwi import attribution, config
from fwi.attribution import Attribution
from fwi.footprint import Configuration, of
from fwi.layout import CUBE_SHAPE, MAP_SHAPE
from fwi.stepping import Learner
from probes import pulse


def really(model: config.Model, batch: int) -> dict[str, object]:
    learner = Learner(config.Train(model=model, ema=0), torch.device("cpu"), "fp32")
    follow = Attribution(learner)
    for _ in range(2):
        with pulse.phase("transfer"):
            cube = torch.zeros(batch, *CUBE_SHAPE, dtype=torch.float16)
            velocity = torch.zeros(batch, 1, *MAP_SHAPE)
        follow.inputs(cube, velocity)
        predicted = learner.predict(cube)
        learner.add(predicted, velocity, 1.0)
        follow.added()
        learner.move(1e-3)
        follow.moved()
        del predicted
    return attribution.summary(follow.end(), 2)


def test_footprint_is_that_of_the_step_that_is_really_taken() -> None:
    asked = Configuration(model="specproj", dtype="fp32", mode="train", batch_size=3, ema=False)
    found, real = of(asked), really("specproj", 3)
    for step in ("first", "steady"):
        assert found[step]["bytes"] == pytest.approx(real[step]["bytes"], rel=0.02)
        assert found[step]["phase"] == real[step]["phase"]
        assert sum(found[step]["by_kind"].values()) == found[step]["bytes"]
    assert found["parameters"] == 7_982_531


def test_average_of_the_weights_is_counted() -> None:
    asked = {"model": "specproj", "dtype": "fp32", "mode": "train", "batch_size": 1}
    with_it, without = (of(Configuration(**asked, ema=ema)) for ema in (True, False))
    more = with_it["steady"]["bytes"] - without["steady"]["bytes"]
    assert more == with_it["steady"]["by_kind"]["ema"]
    assert more == pytest.approx(4 * with_it["parameters"], rel=0.01)


def test_inference_keeps_no_activations() -> None:
    found = of(Configuration(model="specproj", dtype="fp32", mode="infer", batch_size=4))
    assert set(found["steady"]["by_kind"]) == {"parameters", "buffers", "inputs", "temporaries"}
    assert found["steady"]["phase"] == "infer"
