"""The largest live allocations of a snapshot, in the form that torch documents."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from probes import allocation_history, frames, live_blocks


def frame(name: str, line: int = 1, function: str = "forward") -> dict[str, Any]:
    return {"filename": name, "line": line, "name": function}


STACK = [
    frame("/usr/lib/python3/site-packages/torch/nn/modules/conv.py", 457, "_conv_forward"),
    frame("/home/me/fwi/models/unet.py", 57),
    frame("??", 0, "PyEval_EvalFrame"),
    frame("/home/me/train.py", 9, "<module>"),
]


def block(size: int, state: str = "active_allocated", **more: Any) -> dict[str, Any]:
    return {"size": size, "requested_size": size - 8, "state": state, "address": 0, **more}


def snapshot(*blocks: dict[str, Any], device: int = 0) -> dict[str, Any]:
    whole = sum(one["size"] for one in blocks)
    return {
        "segments": [{"device": device, "total_size": whole, "blocks": list(blocks)}],
        "device_traces": [[]],
    }


def test_largest_live_blocks_come_first_with_the_frames_of_the_job() -> None:
    found = live_blocks.summary(
        snapshot(
            block(512),
            block(4096, "inactive"),
            block(2048, frames=STACK),
            block(8192, "active_awaiting_free"),
            device=1,
        )
    )
    assert (found["allocations"], found["allocated"], found["reserved"]) == (2, 2560, 14_848)
    assert found["largest"] == [
        {
            "bytes": 2048,
            "requested": 2040,
            "device": 1,
            "stack": ["models/unet.py:57 forward", "me/train.py:9 <module>"],
        },
        {"bytes": 512, "requested": 504, "device": 1, "stack": []},
    ]


def test_ten_are_told_and_all_are_counted() -> None:
    found = live_blocks.summary(snapshot(*(block(1024 * n) for n in range(1, 31))))
    assert [one["bytes"] // 1024 for one in found["largest"]] == list(range(30, 20, -1))
    assert found["allocations"] == 30


def test_nothing_is_live() -> None:
    assert live_blocks.summary({})["largest"] == []
    assert live_blocks.summary(snapshot())["allocated"] == 0


def test_stack_of_libraries_alone_is_shown_as_it_is() -> None:
    only = [("/opt/torch/a.py", 1, "f"), ("/opt/torch/b.py", 2, "g")]
    assert frames.shown(only, most=1) == ["torch/a.py:1 f"]


@pytest.mark.parametrize(
    ("cost_s", "allocations", "seconds", "kept"),
    [
        (2e-6, 2_000, 1.0, True),
        (2e-6, 2_500, 1.0, True),
        (2e-6, 2_600, 1.0, False),
        (20e-6, 2_000, 1.0, False),
        (0.0, 10**9, 1.0, True),
        (2e-6, 0, 0.0, True),
    ],
)
def test_stacks_are_kept_while_they_cost_next_to_nothing(
    cost_s: float, allocations: int, seconds: float, kept: bool
) -> None:
    assert allocation_history.is_affordable(cost_s, allocations, seconds) is kept


def test_history_does_nothing_without_a_cuda_device() -> None:
    torch = pytest.importorskip("torch")
    history = allocation_history.History(torch.device("cpu"))
    history.begin()
    said: list[str] = []
    for _ in range(30):
        history.window(said.append)
    assert said == []


def test_what_is_private_of_torchs_allocator_is_as_it_was() -> None:
    torch = pytest.importorskip("torch")
    asked = inspect.signature(torch.cuda.memory._record_memory_history).parameters
    assert {"enabled", "context", "stacks", "max_entries"} <= set(asked)
    assert callable(torch.cuda.memory._snapshot)
