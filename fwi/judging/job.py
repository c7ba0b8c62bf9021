"""The evaluate job: judge, draw, write, say."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fwi import config, wave
from fwi.errors import DiskFullError, UsageError
from fwi.interruption import Interruption
from fwi.judging import figures, misfit, page, subject
from fwi.judging.chosen import Chosen
from fwi.judging.figures import Pictured
from fwi.judging.judge import Judged, judge
from fwi.judging.page import Plate
from fwi.judging.predictor import Predictor
from fwi.judging.subject import Subject
from fwi.judging.summary import Summary
from fwi.reporting import say
from probes import files, pulse

NAME = "evaluation"
FIGURES = "figures"
_OURS = ("worst-??.png", "typical-*.png", "errors.png", "depth.png", "misfit.png")
"""Figures of an earlier evaluation that would be taken for this one's."""


def evaluate(job: config.Evaluate) -> None:
    """Judge the networks as ``job`` says.

    Prints a table; writes evaluation.json, evaluation.md, evaluation.html and figures/ to
    ``job.out``. Raises JobError for what the reader can mend, Interrupted when asked to end.
    """
    with pulse.phase("startup"):
        _prepare(job.out)
        predictor = Predictor(job)
        found = subject.find(job, predictor.networks)
        if job.misfit:
            wave.prepare(str(predictor.device))
    say(
        f"evaluating {len(predictor.networks)} network(s) on {predictor.device}: "
        f"{len(found.order):,} of {len(found.index):,} samples ({found.split})"
    )
    began = time.monotonic()
    with Interruption() as interruption:
        with pulse.phase("evaluate"):
            judged = judge(job, found, predictor, interruption)
        seconds = time.monotonic() - began
        with pulse.phase("figures"):
            look = _Closely(job, found, predictor, judged, seconds)
            plates = list(look.plates(interruption))
    summary = look.summary()
    with pulse.phase("write"):
        _write(job.out, summary, plates)
    _leave_gauges(judged)
    _show(summary)
    say(f"written to {job.out / NAME}.html, .md and .json, and {job.out / FIGURES}")


class _Closely:
    """The chosen samples, predicted and simulated once more, to be drawn."""

    def __init__(
        self,
        job: config.Evaluate,
        found: Subject,
        predictor: Predictor,
        judged: Judged,
        seconds: float,
    ) -> None:
        self._job = job
        self._subject = found
        self._predictor = predictor
        self._judged = judged
        self._seconds = seconds
        self._floors: list[float] = []

    def summary(self) -> Summary:
        floor = float(np.mean(self._floors)) if self._floors else None
        return Summary(
            self._job, self._subject, self._predictor, self._judged, floor, self._seconds
        )

    def plates(self, interruption: Interruption) -> Iterator[Plate]:
        summary = self.summary()
        yield from _overviews(summary)
        sections = {
            "typical": ("Typical samples: the middle one of each family", self._judged.typical),
            "worst": (f"The worst {len(self._judged.worst)}", self._judged.worst),
        }
        # Of a small set many are both.
        drawn: dict[int, tuple[str, bytes]] = {}
        for kind, (section, chosen) in sections.items():
            for n, one in enumerate(chosen, 1):
                interruption.check()
                if one.position not in drawn:
                    picture = self._pictured(summary, one, measure_floor=kind == "typical")
                    says = f"{picture.title}: {picture.words}"
                    drawn[one.position] = says, figures.sample(picture)
                number = f"{n:02}" if kind == "worst" else summary.family_of(one)
                yield Plate(f"{kind}-{number}", section, *drawn[one.position])
                pulse.beat(len(self._subject.order), len(self._subject.order))

    def _pictured(self, summary: Summary, one: Chosen, *, measure_floor: bool) -> Pictured:
        found = self._subject.samples[one.position]
        cube, velocity = found if isinstance(found, tuple) else (found, None)
        predicted = self._predictor(cube[None]).cpu().numpy()
        again = None
        if self._job.misfit:
            device = str(self._predictor.device)
            again = misfit.simulated(predicted, device)[0]
            if velocity is not None and measure_floor:
                best = misfit.simulated(velocity[None].numpy(), device)
                self._floors += misfit.misfits(best, cube[None].numpy())["misfit"].tolist()
        title = summary.name_of(one)
        if velocity is not None and not title.startswith(summary.family_of(one)):
            title = f"{summary.family_of(one)}  {title}"
        return Pictured(
            title=title,
            words=summary.words_of(one),
            predicted=predicted[0, 0],
            true=None if velocity is None else velocity[0].numpy(),
            record=cube.numpy(),
            again=again,
        )


def _overviews(summary: Summary) -> Iterator[Plate]:
    judged, names = summary.judged, summary.subject.index.names
    drawn = {names[held[0].family]: [c.scores for c in held] for held in judged.drawn if held}
    if summary.subject.index.labelled:
        spread = {
            name: (judged.families[name]["mae"], [one["mae"] for one in scores])
            for name, scores in drawn.items()
        }
        says = "Mean absolute error of the samples by family"
        yield Plate("errors", "Errors", says, figures.errors(spread), is_wide=False)
        says = "Mean absolute error by depth and family"
        yield Plate("depth", "Errors", says, figures.depth(judged.depth), is_wide=False)
    if not summary.job.misfit:
        return
    says = "The seismic misfit of the samples"
    if judged.agreement is None:
        both = [one["misfit"] for scores in drawn.values() for one in scores]
        yield Plate("misfit", "Misfit", says, figures.misfits(both), is_wide=False)
        return
    points = {
        name: ([one["misfit"] for one in scores], [one["mae"] for one in scores])
        for name, scores in drawn.items()
    }
    found = judged.agreement.pearson
    words = "" if found is None else f"correlation {found:.2f}"
    png = figures.misfit_and_error(points, words)
    yield Plate("misfit", "Misfit", says + " against their error", png, is_wide=False)


def _prepare(folder: Path) -> None:
    try:
        (folder / FIGURES).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {folder} cannot be written to: {error}") from error


def _write(folder: Path, summary: Summary, plates: list[Plate]) -> None:
    """Figures first, the numbers last: where they are, everything is."""
    try:
        for pattern in _OURS:
            for stale in (folder / FIGURES).glob(pattern):
                stale.unlink()
        for plate in plates:
            files.write_bytes(folder / FIGURES / f"{plate.name}.png", plate.png)
        files.write_text(folder / f"{NAME}.html", page.html(summary, plates))
        files.write_text(folder / f"{NAME}.md", page.markdown(summary, plates))
        content = json.dumps(summary.as_dict(), indent=1, allow_nan=False, ensure_ascii=False)
        files.write_text(folder / f"{NAME}.json", content + "\n")
    except OSError as error:
        raise DiskFullError(f"--out {folder}: {error}; name a folder with room") from error


def _leave_gauges(judged: Judged) -> None:
    for name, value in judged.overall.as_dict().items():
        pulse.gauge(name, value)
    for family, row in judged.families.items():
        pulse.gauge(f"{judged.ranked_by}.{family}", row[judged.ranked_by])


def _show(summary: Summary) -> None:
    """The table, in the terminal's width; what is not a terminal gets all of it."""
    table = summary.table()
    shown = Table(box=None, pad_edge=False)
    for n, head in enumerate(table.head):
        shown.add_column(Text(head), justify="right" if n else "left", no_wrap=True)
    for row in table.rows:
        shown.add_row(*map(Text, row))
    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=160)
    console.print(shown)
    for note in summary.notes():
        console.print(Text(note))
