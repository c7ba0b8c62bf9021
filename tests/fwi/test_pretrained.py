"""timm's weights: from a local file, from the hub's cache, and without a network."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from fwi import config
from fwi.__main__ import main
from fwi.errors import DataError
from fwi.models import build
from fwi.torchvision_fit import import_timm

pytestmark = pytest.mark.usefixtures("one_thread")

ENCODER = "hgnetv2_b0"
TAGGED = "hgnetv2_b0.ssld_stage2_ft_in1k"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Tensor]]:
    """A file as the hub has it: of images with three channels, with its classifier."""
    from safetensors.torch import save_file

    state = import_timm().create_model(ENCODER, pretrained=False).state_dict()
    path = tmp_path_factory.mktemp("hub") / "model.safetensors"
    save_file(state, path)
    return path, state


def begins_as_published(state: dict[str, Tensor], published: dict[str, Tensor]) -> bool:
    names = {
        "backbone.stages_3.blocks.0.layers.0.conv1.conv.weight": (
            "stages.3.blocks.0.layers.0.conv1.conv.weight"
        ),
        "backbone.stem.stem4.conv.weight": "stem.stem4.conv.weight",
    }
    return all(torch.equal(state[mine], published[theirs]) for mine, theirs in names.items())


def test_local_copy_of_the_hubs_file_is_the_start_of_the_encoder(
    published: tuple[Path, dict[str, Tensor]],
) -> None:
    path, state = published
    network = build("hgnet", encoder=ENCODER, encoder_weights=path)
    mine = network.state_dict()
    assert begins_as_published(mine, state)
    assert mine["backbone.stem.stem1.conv.weight"].shape == (16, 5, 3, 3)


def test_hubs_cache_is_enough_without_a_network(
    published: tuple[Path, dict[str, Tensor]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    path, state = published
    repository = tmp_path / f"models--timm--{TAGGED}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc")
    (repository / "snapshots" / "abc").mkdir(parents=True)
    (repository / "snapshots" / "abc" / "model.safetensors").symlink_to(path)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    assert begins_as_published(build("hgnet", encoder=ENCODER, pretrained=True).state_dict(), state)


def test_file_of_another_encoder_is_a_data_error_naming_what_is_missing(
    published: tuple[Path, dict[str, Tensor]], tmp_path: Path
) -> None:
    path, state = published
    with pytest.raises(DataError, match=r"missing: stages_0\.blocks"):
        build("convnext", encoder="convnext_atto", encoder_weights=path)
    part = {key: value for key, value in state.items() if not key.startswith("stages.2.")}
    torch.save(part, tmp_path / "part.bin")
    with pytest.raises(DataError, match=r"are not in this file:\n  missing: stages_2\."):
        build("hgnet", encoder=ENCODER, encoder_weights=tmp_path / "part.bin")
    with pytest.raises(DataError, match=f"no weights of {ENCODER[:-1]}1"):
        build("hgnet", encoder="hgnetv2_b1", encoder_weights=path)


def test_without_a_network_it_ends_with_one_line_and_the_way_to_a_local_file(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "*")
    status = main(
        ["train", "--model", "hgnet", "--encoder", ENCODER, "--pretrained", "--data", str(data),
         "--device", "cpu", "--checkpoints", str(tmp_path / "checkpoints")]
    )  # fmt: skip
    assert status == 3
    (line,) = capfd.readouterr().err.splitlines()
    assert f"http://127.0.0.1:9/timm/{TAGGED}" in line
    assert "copy model.safetensors" in line
    assert "--encoder-weights FILE" in line


def test_files_that_are_not_there_are_told_before_anything_is_imported() -> None:
    found = config.problems(
        config.Train(model="hgnet", weights=Path("/no/a.pt"), encoder_weights=Path("/no/b"))
    )
    assert found == [
        "--encoder-weights /no/b: no such file",
        "--weights /no/a.pt: no such file or folder; a run's id, and last, are understood by "
        "`python -m runner train`",
    ]
