"""What a training run says of itself: a line an epoch, and the same numbers as gauges."""

from __future__ import annotations

from fwi import config, schedule
from fwi.evaluation import Errors
from fwi.schedule import Place
from probes import pulse


def say(line: str) -> None:
    print(line, flush=True)


def epoch(
    job: config.Train,
    place: Place,
    samples: int,
    loss: float | None,
    errors: Errors,
    samples_per_s: float | None,
    per_step: int,
) -> None:
    """Report an epoch of ``samples`` training samples that was learned from, ``per_step`` a step,
    and validated.

    ``loss``: the mean over the epoch's samples, m/s; None where they were learned from by another
    process, as is ``samples_per_s`` then.
    """
    pulse.gauge("epoch", place.epoch + 1)
    pulse.gauge("mae", errors.overall)
    pulse.gauge("mae_odd", errors.odd)
    for family, error in errors.by_family.items():
        pulse.gauge(f"mae.{family}", error)
    done = schedule.progress(place, 0, samples, job.epochs)
    total = place.step + schedule.steps_left(place, samples, job.epochs, per_step)
    parts = [
        f"epoch {place.epoch + 1}/{job.epochs}",
        f"step {place.step}/{total}",
        *([f"loss {loss:.1f}"] if loss is not None else []),
        f"validation MAE {errors.overall:.1f} (odd {errors.odd:.1f})",
        *(f"{family} {error:.1f}" for family, error in errors.by_family.items()),
        f"lr {schedule.learning_rate(done, job.lr, job.warmup):.1e}",
        *([f"{samples_per_s:.1f} samples/s"] if samples_per_s is not None else []),
    ]
    say("  ".join(parts))
