"""The samples, one batch after the other, through the networks and into sums."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fwi import config, damaged
from fwi.dataset import loader
from fwi.errors import DataError, NonFiniteError
from fwi.interruption import Interruption
from fwi.judging import misfit
from fwi.judging.chosen import Chosen, Drawn, Worst
from fwi.judging.correlation import Correlation, of_ranks
from fwi.judging.misfit import WINDOWS, misfits
from fwi.judging.predictor import Predictor
from fwi.judging.scores import SCORES, scores
from fwi.judging.subject import Subject
from fwi.judging.sums import FamilySums, Row, Tally
from fwi.layout import MAP_SHAPE
from probes import pulse
from probes.allocator import Meter

_TINY = 1e-9
"""In place of an error of nothing, which has no logarithm."""


@dataclass(frozen=True)
class Agreement:
    """How the misfit goes with the mean absolute error; None where it is not defined."""

    pearson: float | None
    pearson_log: float | None
    """Of the logarithms."""
    spearman: float | None
    """Of the ranks, among the drawn samples."""
    by_family: dict[str, float | None]
    """Pearson's within each."""


@dataclass(frozen=True)
class Judged:
    """What came out, for all samples and a few."""

    ranked_by: str
    """The score that makes a sample bad: ``mae``, or ``misfit`` where there are no maps."""
    overall: Row
    families: dict[str, Row]
    depth: dict[str, NDArray[np.float64]]
    """(70,) mean absolute error by depth, m/s; empty where there are no maps."""
    worst: list[Chosen]
    drawn: list[list[Chosen]]
    """By the family's number."""
    typical: list[Chosen]
    agreement: Agreement | None


def judge(
    job: config.Evaluate, subject: Subject, predictor: Predictor, interruption: Interruption
) -> Judged:
    """Score every sample of the subject. Raises Interrupted, DataError, NonFiniteError."""
    judging = _Judging(job, subject, predictor)
    meter = Meter(predictor.device.index)
    batches = _batches(job, subject, predictor.device)
    interruption.hold_back_dead_workers()
    while judging.done < len(subject.order):
        with pulse.phase("data"), interruption.waiting():
            batch = next(batches)
        judging.add(*(batch if subject.index.labelled else (batch, None)))
        meter.read()
        interruption.check()
    return judging.result()


def _batches(job: config.Evaluate, subject: Subject, device: torch.device) -> Iterator[Any]:
    return iter(
        loader(
            subject.samples,
            batch_size=job.batch_size,
            workers=job.workers,
            device=device,
            sampler=subject.order,
            prefetch=job.prefetch,
            pin_memory=job.pin_memory,
            sharing=job.sharing,
        )
    )


class _Judging:
    def __init__(self, job: config.Evaluate, subject: Subject, predictor: Predictor) -> None:
        names = subject.index.names
        self._subject = subject
        self._predictor = predictor
        self._misfit = job.misfit
        self._by = "mae" if subject.index.labelled else "misfit"
        counted = (SCORES if subject.index.labelled else ()) + (tuple(WINDOWS) * job.misfit)
        self._tally = Tally(names, counted)
        self._depth = FamilySums(names, MAP_SHAPE[0])
        self._worst = Worst(self._by)
        self._drawn = Drawn(names, self._by)
        self._together = Correlation(names)
        self._together_log = Correlation(names)
        self.done = 0
        """Samples."""

    def add(self, cubes: Tensor, velocity: Tensor | None) -> None:
        """(B, 5, 1000, 70) and (B, 1, 70, 70) m/s, on the host."""
        positions = self._subject.order.batch(self.done, len(cubes))
        families = self._subject.index.families_of(positions).astype(np.int64)
        try:
            predicted = self._predictor(cubes)
        except NonFiniteError:
            found = damaged.first(self._subject.samples, positions.tolist())
            if found is not None:
                raise DataError(found) from None
            raise
        values: dict[str, NDArray[np.float64]] = {}
        if velocity is not None:
            values |= self._scored(predicted, velocity, families)
        if self._misfit:
            maps = predicted.cpu().numpy()
            with pulse.phase("simulate"):
                again = misfit.simulated(maps, str(self._predictor.device), self._simulated)
                name = self._subject.name_of
                values |= misfits(again, cubes.numpy(), lambda n: name(int(positions[n])))
        self._require_finite(values[self._by], positions)
        self._tally.add(values, families)
        self._worst.add(values, positions, families)
        self._drawn.add(values, positions, families)
        if velocity is not None and self._misfit:
            x, y = values["mae"], values["misfit"]
            self._together.add(x, y, families)
            self._together_log.add(
                np.log(np.maximum(x, _TINY)), np.log(np.maximum(y, _TINY)), families
            )
        self.done += len(cubes)
        pulse.beat(self.done, len(self._subject.order))
        pulse.gauge(self._by, self._tally.overall()[self._by])

    def _scored(
        self, predicted: Tensor, velocity: Tensor, families: NDArray[np.int64]
    ) -> dict[str, NDArray[np.float64]]:
        with pulse.phase("score"):
            true = velocity.to(predicted.device)
            found = scores(predicted, true)
            by_depth = (predicted - true).abs().mean((1, 3)).double()
            columns = torch.stack([*found.values(), *by_depth.unbind(1)]).cpu().numpy()
        self._depth.add(columns[len(SCORES) :].T, families)
        return dict(zip(found, columns, strict=False))

    def _simulated(self, done: int) -> None:
        # The step is of whole batches; a pulse for each map shows that it moves.
        pulse.beat(self.done, len(self._subject.order))

    def _require_finite(self, ranks: NDArray[np.float64], positions: NDArray[np.int64]) -> None:
        if not np.isfinite(ranks).all():
            n = int(np.flatnonzero(~np.isfinite(ranks))[0])
            raise DataError(
                f"{self._subject.name_of(int(positions[n]))}: the velocity map is not finite; "
                "copy its file again, or leave it out"
            )

    def result(self) -> Judged:
        both = [one.scores for held in self._drawn.found() for one in held]
        agreement = None
        if self._misfit and self._subject.index.labelled:
            agreement = Agreement(
                pearson=self._together.overall(),
                pearson_log=self._together_log.overall(),
                spearman=of_ranks([one["mae"] for one in both], [one["misfit"] for one in both]),
                by_family=self._together.by_family(),
            )
        return Judged(
            ranked_by=self._by,
            overall=self._tally.overall(),
            families=self._tally.by_family(),
            depth={name: sums / n for name, (sums, n) in self._depth.by_family().items()},
            worst=self._worst.found(),
            drawn=self._drawn.found(),
            typical=self._drawn.typical(),
            agreement=agreement,
        )
