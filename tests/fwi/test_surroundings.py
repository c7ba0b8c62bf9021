"""Where data is found on each host."""

from __future__ import annotations

from pathlib import Path

import pytest

from fwi.surroundings import look_around


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


KAGGLE = "kaggle/input/waveform-inversion"


@pytest.mark.parametrize("mount", [KAGGLE, "kaggle/input/competitions/waveform-inversion"])
def test_kaggles_competition_is_found_wherever_it_is_mounted(tmp_path: Path, mount: str) -> None:
    make(
        tmp_path / mount,
        *("train_samples/FlatVel_A/data/data1.npy", "train_samples/Style_A/data/data1.npy"),
        *("test/000039dca2.npy", "sample_submission.csv"),
    )
    found = look_around(tmp_path, {"KAGGLE_KERNEL_RUN_TYPE": "Interactive"}, tmp_path)
    assert found.host == "kaggle"
    assert found.work == tmp_path / "kaggle/working"
    assert found.data == (tmp_path / mount / "train_samples",)
    assert found.test == tmp_path / mount / "test"
    assert found.sample_submission == tmp_path / mount / "sample_submission.csv"


def test_folder_with_most_families_comes_first(tmp_path: Path) -> None:
    make(
        tmp_path / "kaggle/input",
        "a/FlatVel_A/seis2_1_0.npy",
        *("b/pack/FlatVel_A/data1.npy", "b/pack/Style_B/data1.npy"),
    )
    found = look_around(tmp_path, {}, tmp_path)
    folder = tmp_path / "kaggle/input"
    assert (found.host, found.data) == ("kaggle", (folder / "b/pack", folder / "a"))


def test_colabs_drive_is_looked_into(tmp_path: Path) -> None:
    make(tmp_path / "content/drive/MyDrive", "fwi/train_samples/FlatVel_A/data/data1.npy")
    found = look_around(tmp_path, {"COLAB_RELEASE_TAG": "release"}, tmp_path)
    folder = tmp_path / "content/drive/MyDrive/fwi/train_samples"
    assert (found.host, found.data, found.work) == ("colab", (folder,), tmp_path / "content")


def test_own_machine_is_asked_by_variable_then_in_the_working_folder(tmp_path: Path) -> None:
    here, named = tmp_path / "here", tmp_path / "named"
    make(here, "data/FlatVel_A/data/data1.npy", "data/test/0123456789.npy")
    make(named, "Style_A/data/data1.npy")
    found = look_around(tmp_path, {"FWI_DATA": str(named)}, here)
    assert (found.host, found.data, found.work) == ("local", (named, here / "data"), here)
    assert found.test == here / "data/test"


def test_nothing_is_made_of_other_folders(tmp_path: Path) -> None:
    make(tmp_path, "test/test_data.py", "test/data1.npy", "models/FlatVel_C/x.npy")
    found = look_around(tmp_path, {}, tmp_path)
    assert (found.data, found.test, found.sample_submission) == ((), None, None)
