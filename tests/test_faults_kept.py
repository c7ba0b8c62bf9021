"""Rounds of the injected faults that were ended go on with what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import faults, faults_kept
from tests.bench.faults_kept import Kept
from tests.faults import harness
from tests.faults.fault import Fault
from tests.faults.harness import Left, Trial

ONE = Fault("one", "goes wrong", ("spins",), "hang.spin")
TWO = Fault("two", "goes wrong too", ("spins",), "hang.spin", compared=False)
TRIAL = Trial(
    status=5,
    seconds=1.5,
    stdout="a\n",
    left=Left(processes=("python x.py",), files=("pymp-1",)),
    result={
        "outcome": "hang.spin",
        "evidence": [],
        "leaks": {"processes": [], "shm": []},
        "timing": {"detected_s": 1.0, "ended_s": 1.2},
    },
    outcome="hang.spin",
)


def test_trial_comes_back_as_it_was_and_a_torn_line_is_none(tmp_path: Path) -> None:
    place = tmp_path / "new" / "trials.jsonl"
    kept = Kept(place)
    kept.add(1, ONE, "runner", TRIAL)
    kept.add(0, ONE, "timeout", Trial(refused="no timeout here"))
    with place.open("a") as file:
        file.write('{"round": 1, "fau')
    again = Kept(place)
    assert again.trials == kept.trials
    assert again.trials[1, "one", "runner"] == TRIAL
    again.add(2, ONE, "runner", TRIAL)
    assert Kept(place).done("runner") == {(1, "one"), (2, "one")}


def test_damaged_line_costs_its_own_trial_alone(tmp_path: Path) -> None:
    place = tmp_path / "trials.jsonl"
    kept = Kept(place)
    for number in (1, 2, 3):
        kept.add(number, ONE, "runner", TRIAL)
    first, second, third = place.read_text().splitlines()
    place.write_text("\n".join([first, second[:40], "[]", third, ""]))
    assert Kept(place).done("runner") == {(1, "one"), (3, "one")}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_full_disk_ends_with_a_line_and_not_a_traceback(tmp_path: Path) -> None:
    place = tmp_path / "trials.jsonl"
    kept = Kept(place)
    place.unlink()
    place.symlink_to("/dev/full")
    with pytest.raises(SystemExit, match="No space left"):
        kept.add(1, ONE, "runner", TRIAL)


def test_only_what_is_missing_is_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, str]] = []

    def run(fault: Fault, tool: str = "runner", bound_s: float = 0) -> Trial:
        ran.append((fault.name, tool))
        return TRIAL

    monkeypatch.setattr(harness, "run", run)
    monkeypatch.setenv("FWI_CACHE_DIR", str(tmp_path))
    kept = Kept(faults_kept.place([ONE, TWO], 1))
    kept.add(1, ONE, "runner", TRIAL)
    kept.add(0, ONE, "timeout", TRIAL)
    said: list[str] = []
    figure, rows = faults.measure(2, 1, [ONE, TWO], said.append)
    assert sorted(ran) == [("one", "runner"), ("one", "torchrun"), ("two", "runner"),
                           ("two", "runner")]  # fmt: skip
    assert [(len(row.own), sorted(row.others)) for row in rows] == [
        (2, ["timeout", "torchrun"]), (2, []),
    ]  # fmt: skip
    assert figure.detail.startswith("0 of 4 trials: 2 faults, 2 rounds")
    ran.clear()
    assert faults.measure(2, 1, [ONE, TWO], said.append)[1] == rows
    assert not ran


def test_other_faults_or_another_order_are_kept_elsewhere() -> None:
    first = faults_kept.place([ONE], 1)
    assert first == faults_kept.place([ONE], 1)
    assert len({first, faults_kept.place([ONE], 2), faults_kept.place([ONE, TWO], 1)}) == 3
