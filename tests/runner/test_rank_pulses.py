"""Several ranks' recorders: whose pulse is the job's, and who keeps the others waiting."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from fwi.config import Train
from probes import pulse
from probes.pulse import Pulse, Record
from runner import rank_facts, rank_pulses
from runner.diagnosis import diagnose
from runner.evidence import Evidence, Fact, StallPicture, Stop
from runner.hangs import Hang
from runner.outcomes import Outcome
from runner.processes import Processes
from runner.progress import Progress
from runner.rank_pulses import RankPulses, Standing, hindmost, words
from runner.report import content
from runner.watchdog import Standstill


def at(rank: int, phase: str, at_s: float, step: int = 12, number: int = 9) -> Standing:
    return Standing(rank, Pulse(number, at_s, phase, step, 100), at_s)


def done(one: Standing) -> Standing:
    return replace(one, finished_s=one.at_s)


@pytest.mark.parametrize(
    ("situation", "standings", "rank", "said"),
    [
        ("one process", [at(0, "data", 5)], 0, ""),
        ("none has pulsed", [at(0, "", 0, number=0)], None, ""),
        (
            "one loads while the other waits for it",
            [at(0, "ranks", 7), at(1, "data", 5)],
            1,
            "rank 1 stands in data at step 12, the other in ranks",
        ),
        (
            "the one that is waited for was seen last",
            [at(0, "backward", 3), at(1, "ranks", 4), at(2, "forward", 9)],
            2,
            "rank 2 stands in forward at step 12, the others in backward or ranks",
        ),
        (
            "one stands still while another goes on without it",
            [at(0, "evaluate", 90), at(1, "data", 5)],
            1,
            "rank 0 stands in evaluate at step 12, rank 1 stands in data at step 12",
        ),
        (
            "all wait for the device or for one another",
            [at(0, "backward", 5), at(1, "device", 7)],
            1,
            "rank 0 stands in backward at step 12, rank 1 stands in device at step 12",
        ),
        (
            "one has finished, and the other writes",
            [at(0, "checkpoint", 9), done(at(1, "startup", 5))],
            0,
            "rank 0 stands in checkpoint at step 12, rank 1 stands in startup at step 12",
        ),
        (
            "one has not come so far",
            [at(0, "", 0, number=0), at(1, "startup", 5)],
            1,
            "",
        ),
    ],
)
def test_progress_is_that_of_the_rank_that_is_waited_for(
    situation: str, standings: list[Standing], rank: int | None, said: str
) -> None:
    found = hindmost(standings)
    assert (found.rank if found else None) == rank, situation
    assert words(standings) == said


def test_work_is_finished_when_every_rank_says_so() -> None:
    first, second = at(0, "train", 5), at(1, "train", 7)
    assert rank_pulses.all_finished_s([done(first), second]) is None
    assert rank_pulses.all_finished_s([done(first), done(second)]) == 7
    assert rank_pulses.all_finished_s([at(0, "", 0, number=0)]) is None


RECORD = """
import sys
from probes import pulse
rank = int(sys.argv[1])
assert pulse.attach(rank, rank)
with pulse.phase(sys.argv[2]):
    pulse.beat(step=3 + rank, total=8)
    if len(sys.argv) > 3:
        pulse.fail("error.data", sys.argv[3])
    sys.stdout.write("ready")
    sys.stdout.close()
    import os
    os._exit(0)
"""


def record(path: Path, rank: int, phase: str, *failure: str) -> None:
    subprocess.run(
        [sys.executable, "-c", RECORD, str(rank), phase, *failure],
        env=os.environ | {pulse.ENVIRONMENT: str(path)}, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def test_ranks_record_beside_one_another_and_are_read_together(tmp_path: Path) -> None:
    path = tmp_path / "pulse"
    pulse.create(path)
    (tmp_path / "pulse.rank1.tmp").touch()
    (tmp_path / "pulse.rankle").touch()
    ranks = RankPulses(path)
    try:
        progress = Progress(ranks, 0.0)
        assert not progress.look(1.0, [])
        for rank, phase in ((0, "ranks"), (10, "backward"), (2, "data")):
            record(path, rank, phase)
        assert [one.rank for one in ranks.records()] == [0, 2, 10]
        now = max(one.pulse.at_s for one in ranks.records()) + 1
        assert progress.look(now, [])
        assert progress.phase == "data"
        assert progress.pulse.phase == "ranks", "the first process is the one that is shown"
        assert progress.observation(now, Standstill(looked=now)).phase == "data"
        record_of_two = ranks.records()[1]
        assert (record_of_two.rank, record_of_two.pulse.step) == (2, 5)
        assert not progress.look(now + 1, []), "no rank has pulsed since"
    finally:
        ranks.close()
    rank_pulses.tidy(path)
    assert sorted(os.listdir(tmp_path)) == ["pulse", "pulse.rank1.tmp", "pulse.rankle"]


def test_rank_elsewhere_is_the_culprit_also_where_no_stack_can_be_read() -> None:
    standings = (at(0, "backward", 7), at(1, "data", 5))
    picture = StallPicture(quiet_s=9, limit_s=8, ranks=standings)
    found = diagnose(Evidence(None, None, stopped_for=Stop.STALL, stall=picture))
    assert found.outcome == "hang.collective"
    assert Fact("pulse", "rank 1 stands in data at step 12, the other in backward") in found.facts


@pytest.mark.parametrize(
    ("outcome", "expected", "also"),
    [
        (Outcome.HANG_DEVICE, Outcome.HANG_COLLECTIVE, (Outcome.HANG_DEVICE,)),
        (Outcome.HANG_UNKNOWN, Outcome.HANG_COLLECTIVE, ()),
        (Outcome.HANG_STOPPED, Outcome.HANG_STOPPED, ()),
    ],
)
def test_ranks_outrank_a_guess_but_not_what_was_seen(
    outcome: Outcome, expected: Outcome, also: tuple[Outcome, ...]
) -> None:
    standings = [at(0, "backward", 7), at(1, "data", 5)]
    found = rank_facts.with_ranks(Hang(outcome, 0.6), standings)
    assert (found.outcome, found.also) == (expected, also)
    alone = rank_facts.with_ranks(Hang(outcome, 0.6), standings[1:])
    assert alone == Hang(outcome, 0.6)


def test_failure_that_another_rank_names_is_the_outcome_and_ranks_are_a_table(
    tmp_path: Path,
) -> None:
    path = tmp_path / "pulse"
    pulse.create(path)
    record(path, 0, "ranks")
    record(path, 1, "data", "rank 1: seis_2.npy is truncated")
    ranks = RankPulses(path)
    records = ranks.records()
    ranks.close()
    evidence = Evidence(1, None, record=records[0], ranks=records, output="RuntimeError: gloo")
    assert diagnose(evidence).outcome == "error.data"
    table = rank_facts.table(records)
    assert [(one["rank"], one["phase"], one["failure"]) for one in table] == [
        (0, "ranks", None),
        (1, "data", "error.data"),
    ]
    rows = content.rank_rows({"ranks": table})
    assert [len(row) for row in rows] == [len(content.RANK_HEAD)] * 2
    assert rows[1][2:4] == ("data", "4")
    assert rank_facts.table(records[:1]) == []


SUMMARY = (
    "Root Cause (first observed failure):\n[0]:\n  time      : 2026-01-01\n"
    "  rank      : 1 (local_rank: 1)\n  exitcode  : {} (pid: 77)\n"
)


@pytest.mark.parametrize(("status", "where"), [("-9", ", in data at step 4"), ("1", "")])
def test_rank_that_failed_first_is_named_and_where_it_was_killed(status: str, where: str) -> None:
    of_one = Record(
        pid=77, rank=1, pulse=Pulse(5, 1.0, "data", 4, 9), phases=(), gauges={}, events=(),
        torch_allocated=None, torch_reserved=None, torch_peak_allocated=None,
        torch_peak_reserved=None, failure=None, finished_s=None,
    )  # fmt: skip
    evidence = Evidence(1, None, output=SUMMARY.format(status), ranks=(of_one,))
    text = f"rank 1 (pid 77) failed first, with exit status {status}{where}"
    assert rank_facts.facts(evidence) == [Fact("output", text)]


def test_command_of_one_process_and_of_several() -> None:
    assert Processes().command(["fwi", "train"]) == [sys.executable, "-m", "fwi", "train"]
    launched = [sys.executable, "-m", "torch.distributed.run"]
    words = Processes(nproc=2).command(["fwi", "train"])
    assert words[:3] == launched
    assert {"--standalone", "--nproc-per-node=2", "--max-restarts=0"} <= set(words)
    assert words[-3:] == ["-m", "fwi", "train"]
    second = Processes(nproc=2, nnodes=3, node_rank=1, rdzv_endpoint="a:1").command(["fwi"])
    assert {"--nnodes=3", "--node-rank=1", "--rdzv-backend=static", "--rdzv-endpoint=a:1"} <= set(
        second
    )
    assert "--standalone" not in second


def test_processes_share_the_processors_out() -> None:
    threads = max(1, len(os.sched_getaffinity(0)) // 2)
    assert Processes().environment({}) == {}
    assert Processes(nproc=2).environment({}) == {"OMP_NUM_THREADS": str(threads)}
    assert Processes(nproc=2).environment({"OMP_NUM_THREADS": "7"}) == {}
    assert Processes(nproc=9999).environment({}) == {"OMP_NUM_THREADS": "1"}


@pytest.mark.parametrize(
    ("processes", "job", "words"),
    [
        (Processes(), Train(device="cuda:1"), None),
        (Processes(nproc=2), Train(device="cuda"), None),
        (Processes(nnodes=2, node_rank=1, rdzv_endpoint="host:29500"), Train(), None),
        (Processes(nproc=0), Train(), "--nproc 0: expected a whole number from 1"),
        (Processes(nnodes=2), Train(), "give --rdzv-endpoint HOST:PORT"),
        (Processes(node_rank=1), Train(), "--node-rank 1: expected"),
        (Processes(rdzv_endpoint="a:1"), Train(), "has a meaning with --nnodes only"),
        (Processes(nnodes=2, rdzv_endpoint="host"), Train(), "expected HOST:PORT"),
        (Processes(nnodes=2, rdzv_endpoint="host:0"), Train(), "expected HOST:PORT"),
        (Processes(nproc=2), Train(device="cuda:1"), "one device for several processes"),
    ],
)
def test_what_cannot_be_is_said(processes: Processes, job: Train, words: str | None) -> None:
    found = "\n".join(processes.problems(job))
    assert (words in found) if words else (found == "")
