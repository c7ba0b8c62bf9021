"""Every fault of the catalogue, under the supervisor as a user starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from probes import procfs
from runner.outcomes import Outcome
from tests.faults import harness
from tests.faults.catalogue import BY_NAME, CATALOGUE, by_outcome
from tests.faults.harness import ROOT, Trial
from tests.runner.conftest import wait_until

pytestmark = pytest.mark.long

_AT_ONCE = 3


@pytest.fixture(scope="module")
def trials(request: pytest.FixtureRequest) -> Iterator[Mapping[str, Future[Trial]]]:
    """The trials of the tests that were selected, begun a few at a time in the tests' order: most
    of a trial is waiting."""
    chosen = [
        item.callspec.params["name"]
        for item in request.session.items
        if getattr(item, "originalname", "") == "test_fault_is_classified_and_leaves_nothing_behind"
        and isinstance(item, pytest.Function)
    ]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield {name: pool.submit(harness.run, BY_NAME[name]) for name in chosen}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", list(BY_NAME))
def test_fault_is_classified_and_leaves_nothing_behind(
    name: str, trials: Mapping[str, Future[Trial]]
) -> None:
    trial = trials[name].result()
    if trial.refused is not None:
        pytest.skip(trial.refused)
    if harness.problems(BY_NAME[name], trial):
        pytest.fail(harness.describe(BY_NAME[name], trial), pytrace=False)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_a_fault(outcome: Outcome) -> None:
    assert by_outcome()[outcome], "a program that really comes to it (docs/faults.md)"


def test_catalogue_names_each_fault_once_and_has_enough() -> None:
    assert len(BY_NAME) == len(CATALOGUE)
    assert sum(not fault.is_negative for fault in CATALOGUE) >= 45


@pytest.mark.parametrize("victim", ["who asked", "its whole group"])
def test_trial_that_is_killed_half_way_leaves_nothing_behind(tmp_path: Path, victim: str) -> None:
    source = (
        "from tests.faults import harness; from tests.faults.catalogue import BY_NAME\n"
        "print('begun', flush=True)\n"
        "harness.run(BY_NAME['daemon of a hanging job'])"
    )
    marked = f"FAULT_TEST={tmp_path}"
    asking = subprocess.Popen(
        [sys.executable, "-c", source],
        cwd=ROOT,
        env=os.environ | {"FAULT_TEST": str(tmp_path), "TMPDIR": str(tmp_path)},
        start_new_session=True,
    )

    def left() -> list[int]:
        return [p for p in procfs.pids() if procfs.has_environment(p, marked.encode())]

    # The one that asked, the warden, the supervisor, the job; the daemon wears no mark.
    assert wait_until(lambda: len(left()) >= 4, 30)
    notes = list(tmp_path.glob("fault-*/runs/*/attempt-1/cgroup"))
    groups = [Path(text) for note in notes if (text := note.read_text().strip()).startswith("/")]
    if victim == "who asked":
        asking.kill()
    else:
        os.killpg(asking.pid, signal.SIGKILL)
    asking.wait()
    assert wait_until(lambda: not left() and not os.listdir(tmp_path), 30), left()
    assert not any(group.exists() for group in groups), groups
