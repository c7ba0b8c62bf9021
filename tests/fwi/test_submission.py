"""The submission: its rows, its order after a sample, and days on which it cannot be written."""

from __future__ import annotations

import csv
import io
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fwi import _rows, families, submission
from fwi.errors import DataError, DiskFullError, NonFiniteError
from fwi.submission import COLUMNS, HEADER, in_order_of, read_order, write_csv, write_npy
from tests.fwi.trees import cubes

Maps = NDArray[np.float32]
OIDS = ["000039dca2", "00000d41be", "ffffffffff"]


def velocities(n: int, seed: int = 0) -> Maps:
    return np.random.default_rng(seed).uniform(1500, 4500, (n, 70, 70)).astype(np.float32)


def plainly(oids: list[str], maps: Maps) -> str:
    """The rows in whole m/s, the way anybody would write them first."""
    lines = [",".join(["oid_ypos", *COLUMNS])]
    for oid, rows in zip(oids, np.rint(maps).astype(int)[:, :, 1::2].tolist(), strict=True):
        lines += [f"{oid}_y_{y}," + ",".join(map(str, row)) for y, row in enumerate(rows)]
    return "\n".join(lines) + "\n"


def blocks(maps: Maps, size: int = 2) -> Iterator[Maps]:
    return (maps[n : n + size] for n in range(0, len(maps), size))


def test_header_is_the_competitions() -> None:
    assert HEADER.startswith("oid_ypos,x_1,x_3,x_5,")
    assert HEADER.endswith(",x_67,x_69")
    assert len(COLUMNS) == 35


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_whole_velocities_are_written_as_round_and_join_writes_them(
    tmp_path: Path, size: int
) -> None:
    oids = [f"{n:010x}" for n in range(7)]
    maps = velocities(7)
    advanced: list[None] = []
    write_csv(
        tmp_path / "s.csv", oids, blocks(maps, size), whole=True,
        advance=lambda: advanced.append(None),
    )  # fmt: skip
    assert (tmp_path / "s.csv").read_text() == plainly(oids, maps)
    assert len(advanced) == -(-7 // size)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text("0123456789abcdef-._", min_size=1, max_size=12), min_size=1, max_size=3),
    st.lists(st.floats(-9e8, 9e8, width=32) | st.floats(0, 5000, width=32), min_size=1),
    st.booleans(),
)  # fmt: skip
def test_any_number_is_read_back_to_the_decimal_that_was_asked_for(
    oids: list[str], numbers: list[float], whole: bool
) -> None:
    maps = np.resize(np.array(numbers, np.float32), (len(oids), 70, 70))
    text = bytes(_rows.text(oids, maps, 0 if whole else 1)).decode()
    rows = list(csv.reader(io.StringIO(text)))
    assert [row[0] for row in rows] == [f"{oid}_y_{y}" for oid in oids for y in range(70)]
    assert all("." not in cell if whole else cell[-2] == "." for cell in rows[0][1:])
    assert "-0" not in {cell.rstrip("0").rstrip(".") for row in rows for cell in row[1:]}
    read = np.array([row[1:] for row in rows], np.float64).reshape(len(oids), 70, 35)
    off = np.abs(read - maps[:, :, 1::2].astype(np.float64))
    assert off.max() <= (0.5 if whole else 0.05) * 1.00001 + 1e-6


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e9])
@pytest.mark.parametrize("write", [write_csv, write_npy])
def test_what_is_no_velocity_is_refused_by_its_oid_and_the_old_file_stays(
    tmp_path: Path, value: float, write: object
) -> None:
    maps = velocities(3)
    maps[1, 69, 0] = value  # in a column that is not written, too
    path = tmp_path / "out"
    path.write_text("old")
    with pytest.raises(NonFiniteError, match="00000d41be: its prediction"):
        write(path, OIDS, blocks(maps))  # type: ignore[operator]
    assert path.read_text() == "old"
    assert not list(tmp_path.glob(".*"))


def test_all_cells_go_to_an_array_with_its_oids_beside_it(tmp_path: Path) -> None:
    maps = velocities(3)
    write_npy(tmp_path / "p.npy", OIDS, blocks(maps))
    found = np.load(tmp_path / "p.npy", allow_pickle=False)
    assert (found.shape, found.dtype) == ((3, 1, 70, 70), np.float32)
    assert np.array_equal(found[:, 0], maps)
    assert (tmp_path / "p.oids.txt").read_text().split() == OIDS
    write_npy(tmp_path / "p.npy", OIDS, blocks(maps), whole=True)
    assert np.array_equal(np.load(tmp_path / "p.npy")[:, 0], np.rint(maps))


def test_array_that_is_not_finished_leaves_the_old_one_with_its_own_oids(tmp_path: Path) -> None:
    path, listed = tmp_path / "p.npy", tmp_path / "p.oids.txt"
    write_npy(path, OIDS, blocks(velocities(3)))
    before = path.read_bytes(), listed.read_bytes()

    def cut() -> Iterator[NDArray[np.float32]]:
        yield velocities(3)[:1]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_npy(path, OIDS[::-1], cut())
    assert (path.read_bytes(), listed.read_bytes()) == before
    assert not list(tmp_path.glob(".*"))


def test_array_whose_list_cannot_be_put_beside_it_has_none(tmp_path: Path) -> None:
    path, listed = tmp_path / "p.npy", tmp_path / "p.oids.txt"
    write_npy(path, OIDS, blocks(velocities(3)))
    source = (
        "import os, sys, numpy as np; from pathlib import Path; from fwi import submission\n"
        "real = os.replace\n"
        "def replace(a, b):\n"
        "    if str(b).endswith('.txt'): os._exit(9)\n"
        "    real(a, b)\n"
        "os.replace = replace\n"
        "maps = np.full((1, 70, 70), 2000, np.float32)\n"
        "submission.write_npy(Path(sys.argv[1]), ['another'], iter([maps]))\n"
    )
    assert subprocess.run([sys.executable, "-c", source, str(path)]).returncode == 9
    assert np.load(path).shape == (1, 1, 70, 70)
    assert not listed.exists()


@pytest.mark.parametrize("write", [write_csv, write_npy])
def test_disk_that_fills_leaves_the_old_file(tmp_path: Path, write: object) -> None:
    path = tmp_path / "out"
    path.write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(DiskFullError, match="What was predicted is kept"):
            write(path, OIDS, blocks(velocities(3)))  # type: ignore[operator]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_text() == "old"
    assert not list(tmp_path.glob(".*"))


def sample(oids: list[str]) -> list[str]:
    rows = [f"{oid}_y_{y}" + ",3000.0" * 35 for oid in oids for y in range(70)]
    return [HEADER, *rows]


def test_sample_submission_gives_the_order(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    oids = [OIDS[2], OIDS[0], OIDS[1]]
    path.write_text("\n".join(sample(oids)))
    assert read_order(path) == oids
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([*sample(oids), "", "", " "]).encode())
    assert read_order(path) == oids


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: lines[:0], "line 1 is ''"),
        (lambda lines: [lines[0].replace("x_3", "x_2"), *lines[1:]], "line 1 is 'oid_ypos,x_1,x_2"),
        (lambda lines: [lines[0] + ",x_71", *lines[1:]], "expected oid_ypos,x_1,x_3"),
        (lambda lines: lines[:1], "0 rows, expected 70 for each oid"),
        (lambda lines: lines[:100], "99 rows, expected 70 for each oid"),
        (
            lambda lines: lines[:5] + lines[6:],
            "line 6 has the id '000039dca2_y_5', expected 000039dca2_y_4",
        ),
        (
            lambda lines: [lines[0], *lines[2:]],
            "line 2 has the id '000039dca2_y_1', expected <oid>_y_0",
        ),
        (lambda lines: lines[:71] + lines[1:71], "line 72: 000039dca2 comes a second time"),
        (lambda lines: [*lines[:3], "", *lines[3:]], "line 4 is empty, and more follows it"),
        (lambda lines: [*lines[:3], "\x00" * 5000, *lines[4:]], "line 4 has the id '"),
    ],
)  # fmt: skip
def test_sample_submission_that_is_none_is_refused_by_its_line(
    tmp_path: Path, change: object, said: str
) -> None:
    path = tmp_path / "sample.csv"
    path.write_text("\n".join(change(sample(OIDS))))  # type: ignore[operator]
    with pytest.raises(DataError) as refused:
        read_order(path)
    assert said in str(refused.value)
    assert str(path) in str(refused.value)
    assert len(str(refused.value)) < 500


def records(folder: Path, oids: list[str]) -> families.Index:
    for n, oid in enumerate(oids):
        np.save(folder / f"{oid}.npy", cubes(1, n, np.float16, (5, 72, 72))[0])
    return families.index_test(folder)


def test_records_and_sample_submission_must_be_of_the_same_oids(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_text("\n".join(sample([OIDS[2], OIDS[0]])))
    index = records(tmp_path, [OIDS[0], OIDS[2]])
    assert submission.oids_of(in_order_of(index, path)) == [OIDS[2], OIDS[0]]
    path.write_text("\n".join(sample([OIDS[2], "aaaaaaaaaa", *(f"{n:010x}" for n in range(7))])))
    with pytest.raises(DataError) as refused:
        in_order_of(index, path)
    said = str(refused.value).splitlines()
    assert "no record of aaaaaaaaaa, 0000000000" in said[0]
    assert "and 3 more" in said[0]
    assert "000039dca2: records that" in said[1]


@pytest.mark.parametrize("name", ["a,b", "000039dca2 (1)", "a\nb", "ä", '"x"'])
def test_file_name_that_can_be_no_id_is_refused(tmp_path: Path, name: str) -> None:
    index = records(tmp_path, [OIDS[0], name])
    with pytest.raises(DataError, match=r"expected <oid>\.npy"):
        submission.oids_of(index)


def test_oids_unlike_the_competitions_are_noticed() -> None:
    assert submission.strangers([*OIDS, "000039DCA2", "record-1"]) == ["000039DCA2", "record-1"]
