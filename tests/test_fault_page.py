"""What the page of injected faults says of a trial, and what makes a trial wrong."""

from __future__ import annotations

import sys
from socket import gethostname

import pytest

from tests.bench import faults
from tests.bench.figure import Figure
from tests.faults import harness
from tests.faults.fault import Fault
from tests.faults.harness import ROOT, Left, Tool, Trial

BAD = Fault("bad", "goes wrong", ("spins",), "hang.spin")
GOOD = Fault("good", "only looks wrong", ("slow_but_moving",), "ok")
KILLED = Fault("killed", "the tool dies", ("spins",), "lost", meanwhile="SIGKILL")


def result(outcome: str, **more: object) -> dict[str, object]:
    return {
        "outcome": outcome,
        "evidence": [{"source": "stack", "text": "worker 12 waits"}],
        "leaks": {"processes": [], "shm": []},
        "timing": {"detected_s": 1.5, "ended_s": 2.5, "reaped_s": 2.5},
        **more,
    }


@pytest.mark.parametrize(
    ("fault", "status", "word"),
    [
        (BAD, 5, "yes"),
        (BAD, 1, "yes"),
        (BAD, 0, "no"),
        (BAD, None, "no"),
        (BAD, 124, "that time was up"),
        (GOOD, 0, "left alone"),
        (GOOD, 5, "ended a good job"),
        (GOOD, 124, "ended a good job"),
        (KILLED, -9, "ended"),
        (KILLED, None, "not ended"),
    ],
)
def test_noticed(fault: Fault, status: int | None, word: str) -> None:
    assert faults.noticed(fault, Trial(status=status)) == word


@pytest.mark.parametrize(
    ("trial", "tool", "text"),
    [
        (Trial(stdout="a\nb | `c`\n", stderr="\n"), "timeout", "`b \\| 'c'`"),
        (Trial(stderr="ValueError: 1\n======\n"), "torchrun", "`ValueError: 1`"),
        (Trial(stderr=f"{ROOT}/tests/x.py {sys.prefix}/bin/python\n"), "timeout",
         "`./tests/x.py …/bin/python`"),
        (Trial(stdout="12 %\r13 %\x1b[K"), "timeout", "`13 % [K`"),
        (Trial(), "timeout", "nothing"),
        (Trial(stderr=f"{gethostname()}: {gethostname()}-x /tmp/fault-1_a/runs/1\n"), "timeout",
         f"`…: {gethostname()}-x …/runs/1`"),
        (Trial(stderr="7 stepsok: fine; 2 s, host 1 MiB, r.md\nleft behind: 1\n", outcome="ok"),
         "runner", "`ok: fine; 2 s`"),
        (Trial(stderr="hang.spin: busy; 2 s, host 7 MiB, /x/report.md\nadvice: wait\n",
               outcome="hang.spin"), "runner", "`hang.spin: busy; 2 s`"),
        (Trial(stderr="run 7 was lost: its supervisor died\nok: fine\n", outcome="lost"), "runner",
         "`run 7 was lost: its supervisor died`"),
    ],
)  # fmt: skip
def test_told_is_the_last_line_without_what_is_of_this_machine(
    trial: Trial, tool: Tool, text: str
) -> None:
    assert faults.told(trial, tool) == text


@pytest.mark.parametrize(
    ("fault", "trial", "wrong"),
    [
        (BAD, Trial(status=5, outcome="hang.spin", result=result("hang.spin")), []),
        (BAD, Trial(status=5, outcome="hang.io", result=result("hang.io")), ["expected hang.spin"]),
        (BAD, Trial(status=3, outcome="hang.spin", result=result("hang.spin")), ["exit status 3"]),
        (
            BAD,
            Trial(status=5, outcome="hang.spin", left=Left(processes=("python x.py",), shm=("s",))),
            ["python x.py", "behind: s"],
        ),
        (
            Fault("e", "", ("x",), "hang.spin", evidence=("worker {0}",), leaks=("shm",)),
            Trial(status=5, outcome="hang.spin", stdout="culprit 13\n", result=result("hang.spin")),
            ["'worker 13' is not in the evidence", "leaks of ()"],
        ),
        (
            Fault("f", "", ("x",), "hang.spin", own_files=("pymp-",), told=("left behind",)),
            Trial(status=5, outcome="hang.spin", left=Left(files=("pymp-1", "other"))),
            ["behind: other", "not told 'left behind'"],
        ),
    ],
)
def test_problems_of_a_trial(fault: Fault, trial: Trial, wrong: list[str]) -> None:
    found = harness.problems(fault, trial)
    assert len(found) == len(wrong)
    for problem, text in zip(found, wrong, strict=True):
        assert text in problem


def test_page_shows_the_tools_side_by_side_and_what_went_wrong() -> None:
    row = faults.Row(BAD, own=[Trial(status=5, outcome="hang.spin", seconds=3,
                                     stderr="hang.spin: busy; 2 s\n", result=result("hang.spin")),
                               Trial(status=0, outcome="ok", result=result("ok"))])  # fmt: skip
    row.others = {
        "torchrun": Trial(status=None, seconds=30, left=Left(processes=("a", "b"))),
        "timeout": Trial(status=124, seconds=20),
    }
    text = faults.page([row], Figure("right", 50, "%", "100 %", False), "Machine: one.", "make it")
    assert "- bad, round 2: outcome ok, expected hang.spin" in text
    assert "| 1 of 2 | 1.5 (1.5) | 2.5 (2.5) |" in text
    assert "no; still there: 2 processes; nothing" in text
    assert "that time was up, 20.0 s; left behind: nothing; nothing" in text
    assert "In 0 of 1 rows timeout noticed the same" in text


@pytest.mark.parametrize(
    ("names", "gains", "said"),
    [
        ([], [], " In none of them it ended sooner."),
        (["a", "b"], [0.4, 0.6], " In 2 of them it ended sooner, by a median of 0.5 s: a, b."),
    ],
)
def test_who_was_sooner_is_said_in_plain_words(
    names: list[str], gains: list[float], said: str
) -> None:
    assert faults._sooner(names, gains) == said
