"""Real wordings of known endings, alone behind a traceback, and whole ends of logs."""

from __future__ import annotations

import re

import pytest

from runner.explain import explain
from tests.runner.endings import (
    contexts,
    devices,
    devices_more,
    engines,
    hosts,
    inputs,
    libraries,
    losses,
    news,
    ranks,
    ranks_more,
    schedulers,
    software,
    software_more,
    surroundings,
    systems,
    whole,
)

WORDINGS = [
    (outcome, text)
    for subject in (
        devices,
        devices_more,
        hosts,
        inputs,
        libraries,
        ranks,
        ranks_more,
        software,
        software_more,
    )
    for outcome, texts in subject.WORDINGS.items()
    for text in texts
]


@pytest.mark.parametrize(("outcome", "text"), WORDINGS, ids=range(len(WORDINGS)))
def test_wording_is_known(outcome: str, text: str) -> None:
    is_raised = re.match(r"[\w.]*[a-z](?:Error|Exception|Interrupt)\b", text.splitlines()[0])
    for before in ("", "step 3 loss 0.41\n", *([whole.TRACE] if is_raised else [])):
        found = explain(before + text, 1)
        assert found.outcome == outcome, found


ENDINGS = [
    *whole.ENDINGS, *surroundings.ENDINGS, *systems.ENDINGS, *contexts.ENDINGS, *news.ENDINGS,
    *losses.ENDINGS, *schedulers.ENDINGS, *libraries.ENDINGS, *engines.ENDINGS,
]  # fmt: skip


@pytest.mark.parametrize(("outcome", "status", "text"), ENDINGS, ids=range(len(ENDINGS)))
def test_end_of_a_log_is_known(outcome: str, status: int | None, text: str) -> None:
    found = explain(text, status)
    assert found.outcome == outcome, found


@pytest.mark.parametrize("text", news.MISUNDERSTOOD, ids=range(len(news.MISUNDERSTOOD)))
def test_options_that_were_not_understood_are_named_beside(text: str) -> None:
    found = explain(text, 2)
    assert (found.outcome, found.also) == ("error.python", ("error.usage",))


def test_of_the_causes_that_ray_lists_a_kill_is_only_one() -> None:
    found = explain(engines.ACTOR, 1)
    assert found.confidence < 0.8
    assert set(found.also) >= {"crash.segv", "crash.worker"}
