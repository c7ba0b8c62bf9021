"""What an evaluation came to, in numbers and words: for a program, a page and a terminal. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fwi import config
from fwi.judging.chosen import Chosen
from fwi.judging.judge import Judged
from fwi.judging.misfit import FLOAT16_FLOOR, WINDOWS
from fwi.judging.predictor import Predictor
from fwi.judging.scores import SSIM_RANGE, SSIM_SIGMA, SSIM_WINDOW
from fwi.judging.subject import Subject
from fwi.judging.sums import Row
from fwi.weights import shown

SCHEMA = 1
_COLUMNS = {
    "mae": ("MAE", "{:.1f}"),
    "mae_odd": ("MAE odd", "{:.1f}"),
    "rmse": ("RMSE", "{:.1f}"),
    "rmse_odd": ("RMSE odd", "{:.1f}"),
    "ssim": ("SSIM", "{:.4f}"),
    "misfit": ("misfit", "{:.4f}"),
    "misfit_early": ("0–0.4 s", "{:.4f}"),
    "misfit_middle": ("0.4–0.6 s", "{:.4f}"),
    "misfit_late": ("0.6–1 s", "{:.4f}"),
}
_WORDS = {"mae": "MAE {:.1f} m/s", "rmse": "RMSE {:.1f} m/s", "ssim": "SSIM {:.3f}",
          "misfit": "misfit {:.3f}"}  # fmt: skip


@dataclass(frozen=True)
class Table:
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Summary:
    """Everything there is to say, but for the figures."""

    job: config.Evaluate
    subject: Subject
    predictor: Predictor
    judged: Judged
    floor: float | None
    """The mean misfit of the true maps of the typical samples; None where it was not simulated."""
    seconds: float

    @property
    def title(self) -> str:
        return f"{self.judged.overall.samples:,} samples ({self.subject.split})"

    def subtitle(self) -> list[str]:
        """Of what: networks, data, how."""
        networks = [
            f"{one.model}{f' ({shown(one.encoder)})' if one.encoder else ''} in {precision}: "
            f"{shown(one.source)}"
            for one, precision in zip(
                self.predictor.networks, self.predictor.precisions, strict=True
            )
        ]
        together = f"{self.job.combine} of {len(networks)} networks" if len(networks) > 1 else ""
        tta = "averaged with the mirrored record's" if self.job.tta else ""
        cut = "clipped to 1500–4500 m/s" if self.job.clip else "not clipped"
        return [
            *networks,
            ", ".join(filter(None, [together, tta, cut, f"on {self.predictor.device}"])),
            f"data: {shown(str(self.subject.index.root))}",
        ]

    def table(self) -> Table:
        """By family, and all together where they are several."""
        rows = dict(self.judged.families)
        if len(rows) > 1:
            rows["all"] = self.judged.overall
        names = [name for name in _COLUMNS if name in self.judged.overall.as_dict()]
        return Table(
            ("family", "samples", *(_COLUMNS[name][0] for name in names)),
            tuple(
                (name, f"{row.samples:,}", *(_COLUMNS[one][1].format(row[one]) for one in names))
                for name, row in rows.items()
            ),
        )

    def notes(self) -> list[str]:
        """What the columns are, and what is to be known about them."""
        found = []
        if self.subject.index.labelled:
            found.append(
                "Errors in m/s over all cells; odd: over the columns x_1, x_3, … x_69 alone, which "
                f"the competition scores. SSIM: {SSIM_WINDOW}×{SSIM_WINDOW} Gaussian window of "
                f"sigma {SSIM_SIGMA:g} cells, range {SSIM_RANGE:.0f} m/s."
            )
        if self.job.misfit:
            measured = (
                f" The true maps of the typical samples came to {self.floor:.1e} here."
                if self.floor is not None
                else ""
            )
            found.append(
                "Misfit: ‖s − d‖ / ‖d‖ of the simulated prediction s and the record d, without the "
                "last millisecond; each window by its own energy. Below "
                f"{FLOAT16_FLOOR:.1e}, which a float16 record alone comes to, it says nothing."
                f"{measured}"
            )
        if (agreement := self.judged.agreement) is not None and agreement.pearson is not None:
            ranks = "" if agreement.spearman is None else f", of ranks {agreement.spearman:.2f}"
            logs = (
                "" if agreement.pearson_log is None else f" ({agreement.pearson_log:.2f} of logs)"
            )
            found.append(
                f"Correlation of misfit and MAE over the samples: {agreement.pearson:.2f}{logs}"
                f"{ranks}."
            )
        return found

    def words_of(self, one: Chosen) -> str:
        """A sample's scores."""
        values = Row(1, one.scores)
        names = values.as_dict()
        return "  ".join(
            text.format(values[name]) for name, text in _WORDS.items() if name in names
        )

    def name_of(self, one: Chosen) -> str:
        return self.subject.name_of(one.position)

    def family_of(self, one: Chosen) -> str:
        return self.subject.index.names[one.family]

    def as_dict(self) -> dict[str, Any]:
        """As JSON types."""
        judged = self.judged
        return {
            "schema": SCHEMA,
            "networks": [
                {"model": one.model, "encoder": one.encoder, "source": one.source, "dtype": dtype}
                for one, dtype in zip(
                    self.predictor.networks, self.predictor.precisions, strict=True
                )
            ],
            "combine": self.job.combine,
            "tta": self.job.tta,
            "clip": self.job.clip,
            "device": str(self.predictor.device),
            "data": str(self.subject.index.root),
            "part": self.job.part,
            "split": self.subject.split,
            "ssim": {"window": SSIM_WINDOW, "sigma": SSIM_SIGMA, "range": SSIM_RANGE},
            "seconds": round(self.seconds, 3),
            "overall": judged.overall.as_dict(),
            "families": {name: row.as_dict() for name, row in judged.families.items()},
            "depth": {name: error.tolist() for name, error in judged.depth.items()},
            "misfit": self._misfit(),
            "worst": [self._chosen(one) for one in judged.worst],
            "typical": [self._chosen(one) for one in judged.typical],
        }

    def _misfit(self) -> dict[str, Any] | None:
        if not self.job.misfit:
            return None
        return {
            "windows_ms": dict(WINDOWS),
            "float16_floor": FLOAT16_FLOOR,
            "true_maps": self.floor,
            "correlation_with_mae": asdict(self.judged.agreement)
            if self.judged.agreement
            else None,
        }

    def _chosen(self, one: Chosen) -> Mapping[str, Any]:
        scores = {k: v for k, v in Row(1, one.scores).as_dict().items() if k != "samples"}
        return {"name": self.name_of(one), "family": self.family_of(one), **scores}
