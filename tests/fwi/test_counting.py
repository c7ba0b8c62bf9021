"""The count job."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fwi.config import Count
from fwi.counting import count
from fwi.errors import DataError


def test_samples_are_counted_as_the_training_splits_them(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    count(Count(data=data, validation_fraction=0.25))
    assert json.loads(capsys.readouterr().out) == {"train": 12, "validation": 4}


def test_folder_without_files_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no files of any family"):
        count(Count(data=tmp_path))
