"""The largest live allocations in a snapshot of torch's device allocator, and what asked for them.
Pure: from the snapshot's dictionaries to JSON types.

The snapshot's form is that of ``torch.cuda.memory._snapshot()``: segments, each with blocks that
have a size, a state and, where the history is kept, the frames that were on the stack.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from probes import frames

LARGEST = 10
_LIVE = "active_allocated"


def summary(snapshot: Mapping[str, Any], count: int = LARGEST) -> dict[str, Any]:
    """The ``count`` largest live blocks, with bytes, device, and stack as ``file:line function``,
    the innermost frame of the job's own code first; and how much is live in all."""
    live = sorted(_live(snapshot), key=lambda found: -found[1]["size"])
    return {
        "schema": 1,
        "allocations": len(live),
        "allocated": sum(block["size"] for _, block in live),
        "reserved": sum(segment["total_size"] for segment in snapshot.get("segments", ())),
        "largest": [
            {
                "bytes": block["size"],
                "requested": block.get("requested_size"),
                "device": device,
                "stack": frames.shown(_frames(block)),
            }
            for device, block in live[:count]
        ],
    }


def _live(snapshot: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for segment in snapshot.get("segments", ()):
        for block in segment["blocks"]:
            if block["state"] == _LIVE:
                yield segment.get("device", 0), block


def _frames(block: Mapping[str, Any]) -> list[tuple[str, int, str]]:
    told = block.get("frames")
    if told is None:
        # torch before 2.1 kept the frames in the block's history.
        told = next((past.get("frames") for past in block.get("history", ())), None)
    return [(str(f["filename"]), int(f["line"]), str(f["name"])) for f in told or ()]
