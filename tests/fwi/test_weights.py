"""Weights from elsewhere: prefixes, wrappers, what does not fit, what is not weights."""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from fwi import weights
from fwi.errors import DataError

Content = Callable[[dict[str, Tensor]], Any]


class Small(nn.Module):
    """As a baseline's names begin."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.backbone = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3))
        self.seg_head = nn.Conv2d(3, 1, 1)


def prefixed(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {prefix + key: value for key, value in state.items()}


def equal(network: nn.Module, state: dict[str, Tensor]) -> bool:
    mine = network.state_dict()
    return mine.keys() == state.keys() and all(torch.equal(mine[k], state[k]) for k in mine)


OTHER = Small(7).state_dict()


@pytest.mark.parametrize(
    "content",
    [
        lambda state: state,
        lambda state: prefixed(state, "_orig_mod."),
        lambda state: prefixed(state, "module."),
        lambda state: prefixed(state, "model."),
        lambda state: prefixed(state, "module._orig_mod."),
        lambda state: prefixed(state, "_orig_mod.module."),
        lambda state: prefixed(state, "models.0."),
        lambda state: {"model": state, "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]}},
        lambda state: {"state_dict": prefixed(state, "model."), "epoch": 3},
        lambda state: {"model": prefixed(OTHER, "module."), "ema": state, "mae": 55.6},
        lambda state: {"model_ema": {"decay": 0.99, "module": state}, "model": OTHER},
        lambda state: prefixed(OTHER, "model.") | prefixed(state, "ema."),
        lambda state: {"state_dict": OTHER, "state_dict_ema": state, "arch": "small"},
        lambda state: {
            "initted": torch.tensor(True),
            "step": torch.tensor([9]),
            **prefixed(OTHER, "online_model."),
            **prefixed(state, "ema_model."),
        },
        lambda state: {
            "model": state,
            "args": argparse.Namespace(lr=0.1, data=Path("/data")),
            "best": np.float64(55.6),
            "mae": np.float32(61.5),
            "epoch": np.int64(3),
        },
        lambda state: prefixed(OTHER, "models.10.") | prefixed(state, "models.2."),
        lambda state: prefixed(state, "module.") | {"n_averaged": torch.tensor(9)},
        lambda state: {k.replace("backbone.", "backbone._orig_mod."): v for k, v in state.items()},
        lambda state: {k: v for k, v in state.items() if "num_batches" not in k},
    ],
    ids=lambda content: "",
)
def test_prefixes_and_wrappers_are_taken_off(content: Content, tmp_path: Path) -> None:
    state = Small(1).state_dict()
    torch.save(content(state), tmp_path / "weights.pt")
    network = Small()
    weights.load_into(network, tmp_path / "weights.pt")
    assert equal(network, state)


def test_weights_beside_their_average_are_no_network_of_an_ensemble() -> None:
    state = Small(1).state_dict()
    [found] = weights.members(prefixed(OTHER, "model.") | prefixed(state, "ema.module."))
    assert found.keys() == state.keys()
    assert all(torch.equal(found[key], state[key]) for key in state)


def test_what_would_run_code_is_named(tmp_path: Path) -> None:
    torch.save({"model": Small(1).state_dict(), "loss": Small}, tmp_path / "weights.pt")
    with pytest.raises(DataError) as caught:
        weights.load_into(Small(), tmp_path / "weights.pt")
    assert "it holds a tests.fwi.test_weights.Small" in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_safetensors_are_read(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    state = Small(1).state_dict()
    save_file(state, tmp_path / "weights.safetensors")
    network = Small()
    weights.load_into(network, tmp_path / "weights.safetensors")
    assert equal(network, state)


def test_average_of_a_checkpoint_of_this_project_is_taken(tmp_path: Path) -> None:
    average = AveragedModel(Small(1))
    content = {"format": 1, "model": OTHER, "ema": average.state_dict(), "config": {"ema": 0.99}}
    torch.save(content, tmp_path / "last.pt")
    network = Small()
    weights.load_into(network, tmp_path / "last.pt")
    assert equal(network, average.module.state_dict())
    torch.save(content | {"ema": None}, tmp_path / "last.pt")
    weights.load_into(network, tmp_path / "last.pt")
    assert equal(network, OTHER)


def test_networks_of_an_ensemble_come_in_their_order() -> None:
    states = [Small(seed).state_dict() for seed in range(11)]
    file = {f"models.{n}.{key}": v for n, s in enumerate(states) for key, v in s.items()}
    found = weights.members(dict(sorted(file.items())))
    assert len(found) == 11
    for one, state in zip(found, states, strict=True):
        assert all(torch.equal(one[key], state[key]) for key in state)


def test_every_key_that_does_not_fit_is_named_and_nothing_is_loaded(tmp_path: Path) -> None:
    state = Small(1).state_dict()
    del state["backbone.0.weight"], state["backbone.1.running_var"]
    state["seg_head.weight"] = torch.zeros(2, 3, 1, 1)
    state["seg_head.extra\x1b[31m"] = torch.zeros(1)
    torch.save(prefixed(state, "module."), tmp_path / "weights.pt")
    network = Small()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with pytest.raises(DataError) as caught:
        weights.load_into(network, tmp_path / "weights.pt")
    assert str(caught.value).splitlines() == [
        f"--weights {tmp_path / 'weights.pt'}: 2 missing, 1 unexpected and 1 differently shaped "
        "keys; is it of another --model or --encoder?",
        "  missing: backbone.0.weight",
        "  missing: backbone.1.running_var",
        "  unexpected: seg_head.extra�[31m",
        "  of another shape: seg_head.weight: (2, 3, 1, 1) in the file, (1, 3, 1, 1) wanted",
    ]
    assert equal(network, before)


def test_key_beside_the_prefixed_ones_is_unexpected(tmp_path: Path) -> None:
    state = prefixed(Small(1).state_dict(), "module.") | {"aux.weight": torch.zeros(1)}
    torch.save(state, tmp_path / "weights.pt")
    with pytest.raises(DataError, match=r"unexpected: aux\.weight"):
        weights.load_into(Small(), tmp_path / "weights.pt")


class Evil:
    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return exec, ("raise SystemExit('executed')",)


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.write_bytes(b"not weights"), "not a file of weights alone"),
        (lambda path: path.write_bytes(b""), "not a file of weights alone"),
        (lambda path: torch.save({"model": Evil()}, path), "nothing in it was run"),
        (lambda path: path.write_bytes(pickle.dumps(Evil())), "nothing in it was run"),
        (lambda path: torch.save([torch.zeros(1)], path), "holds a list"),
        (lambda path: torch.save({"epoch": 3, "lr": 0.1}, path), "but epoch, lr"),
        (lambda path: torch.save({}, path), "no weights"),
    ],
    ids=["missing", "text", "empty", "code", "bare code", "list", "numbers", "nothing"],
)
def test_what_is_no_weights_is_a_data_error(
    write: Callable[[Path], object], words: str, tmp_path: Path
) -> None:
    path = tmp_path / "weights.pt"
    write(path)
    with pytest.raises(DataError, match=words) as caught:
        weights.load_into(Small(), path)
    assert f"--weights {path}" in str(caught.value)


def test_flipped_bit_is_found(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save(Small(1).state_dict(), path)
    content = bytearray(path.read_bytes())
    weight = Small(1).state_dict()["backbone.0.weight"].numpy().tobytes()
    content[content.index(weight) + 8] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="checksum"):
        weights.load_into(Small(), path)
