"""Networks out of files: checkpoints that say what they are, published weights that do not."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fwi import trained
from fwi.errors import DataError, UsageError
from fwi.models import build

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(3)
    return build("hgnet", encoder="hgnetv2_b0").eval()


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_checkpoint_says_what_network_it_is_of(tmp_path: Path, network: torch.nn.Module) -> None:
    said = {"config": {"model": "hgnet", "encoder": "hgnetv2_b0"}, "model": network.state_dict()}
    torch.save(said, tmp_path / "best.pt")
    [found] = trained.load(tmp_path)
    assert (found.model, found.encoder) == ("hgnet", "hgnetv2_b0")
    assert found.source == str(tmp_path / "best.pt")
    assert same(found.network, network)
    assert not found.network.training
    with pytest.raises(UsageError, match="holds hgnet; leave --model out"):
        trained.load(tmp_path, model="convnext")
    with pytest.raises(UsageError, match="holds hgnetv2_b0"):
        trained.load(tmp_path, encoder="hgnetv2_b4")


def test_published_weights_need_the_networks_name(tmp_path: Path, network: torch.nn.Module) -> None:
    path = tmp_path / "published.pt"
    torch.save({f"module.{key}": value for key, value in network.state_dict().items()}, path)
    with pytest.raises(UsageError, match="name it with --model"):
        trained.load(path)
    [found] = trained.load(path, model="hgnet", encoder="hgnetv2_b0")
    assert same(found.network, network)
    with pytest.raises(DataError, match="missing"):
        trained.load(path, model="hgnet")


def test_ensemble_in_one_file_gives_each_of_its_networks(
    tmp_path: Path, network: torch.nn.Module
) -> None:
    path = tmp_path / "ensemble.pt"
    shifted = {key: value + 1 for key, value in network.state_dict().items()}
    both = {f"models.0.{key}": value for key, value in network.state_dict().items()}
    torch.save(both | {f"models.1.{key}": value for key, value in shifted.items()}, path)
    found = trained.load(path, model="hgnet", encoder="hgnetv2_b0")
    assert [one.source for one in found] == [f"{path}[0]", f"{path}[1]"]
    assert same(found[0].network, network)
    assert not same(found[1].network, network)


def test_folder_without_a_checkpoint_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"without best\.pt or last\.pt"):
        trained.load(tmp_path)
