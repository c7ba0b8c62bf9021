"""Predicts every configuration of a profile, before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from runner import fit_history, prediction
from runner.fit_history import Measured
from runner.footprints import Footprint, Footprints
from runner.profiling.configuration import Configuration
from runner.profiling.host_prediction import predict_host
from runner.profiling.row import Predicted
from runner.where import Room, Where


def footprints(
    configurations: Sequence[Configuration], casts: str, say: Callable[[str], None]
) -> dict[Configuration, Footprint]:
    """One for each; workers make no difference to it. Raises FootprintError."""
    count = len({one.step_key for one in configurations})
    with Footprints(count, say, casts) as children:
        found = children.find([one.footprint() for one in configurations])
    return dict(zip(configurations, found, strict=True))


def predict(
    one: Configuration,
    footprint: Footprint,
    where: Where,
    overheads: Mapping[fit_history.Key, Measured] | None = None,
) -> Predicted:
    """``overheads`` is what earlier runs took of a device beside torch's memory."""
    if where.device is None:
        total = predict_host(footprint, one.workers)
    else:
        kind = one.model, one.dtype, one.mode
        beside = fit_history.on_device(overheads or {}, kind, where.device)
        total = prediction.predict(footprint, where.card, beside).total
    return Predicted(int(footprint["steady"]["bytes"]), (total.least, total.likely, total.most))


def why_not(
    one: Configuration,
    predicted: Predicted,
    where: Where,
    room: Room,
    run_too_large: bool = False,
) -> str:
    """Why a configuration is not worth a run; empty where it is."""
    from runner.units import size

    if where.is_cpu and one.dtype == "fp16":
        return "fp16 on a CPU is emulated, a step can take minutes: not measured, only predicted"
    least, likely, _ = predicted.total
    if likely > room.size and not run_too_large:
        return (
            f"predicted not to fit: {size(likely)} (at the least {size(least)}) of the "
            f"{size(room.size)} that it may have ({room.bound}); --run-too-large runs it anyway"
        )
    return ""
