"""The infer job: test records in, a submission out.

Every record is read once and goes through all networks (:mod:`fwi.predicting`). What they predict
is kept on disk a chunk at a time (:mod:`fwi.predictions`), so that a run that ended in any way is
continued by the same command; the file is written when all of it is there.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fwi import _rows, config, ensemble, families, predictions, submission
from fwi.ensemble import Member
from fwi.errors import DiskFullError
from fwi.interruption import Interrupted, Interruption
from fwi.layout import VELOCITY_MAX, VELOCITY_MIN
from fwi.precision import resolve_device
from fwi.predicting import Predicting
from fwi.predictions import Predictions
from fwi.reporting import say
from fwi.sample_index import Index
from probes import pulse

_BYTES_A_RECORD = {"csv": submission.ROWS * (16 + 7 * len(submission.COLUMNS)), "npy": 4 * 70 * 70}
"""Of the file to write, about."""


def infer(job: config.Infer) -> None:
    """Predict what is still to be predicted, then write ``job.target``.

    Raises Interrupted after SIGTERM or SIGINT, what was predicted kept; JobError for what the
    reader can mend.
    """
    with pulse.phase("startup"):
        device = resolve_device(job.device)
        index, oids = _records(job)
        members = ensemble.load(job, device)
        ensemble.require_shape(members, index.shape, job.data)
        if job.format == "csv":
            _rows.prepare()
    with predictions.claimed(job.target) as work:
        with pulse.phase("startup"):
            kept = predictions.opened(work, question_of(job, members, index), len(index))
            missing = kept.missing()
            _require_room(job, kept)
        _say_what_comes(job, members, kept, missing, device)
        # Its own phase, or what lies between the others would count as startup.
        with pulse.phase("infer"), Interruption() as interruption:
            try:
                Predicting(job, index, oids, members, device, interruption).predict(kept, missing)
                _write(job, kept, oids, interruption)
            except Interrupted as interrupted:
                done = len(index) - sum(kept.size(chunk) for chunk in kept.missing())
                say(
                    f"{interrupted}: {done:,} of {len(index):,} records are predicted and kept in "
                    f"{kept.folder}; the same command goes on from there"
                )
                raise
        if not job.keep_predictions:
            kept.remove()


def _records(job: config.Infer) -> tuple[Index, list[str]]:
    """The records in the order in which they are written, and their oids."""
    index = families.index_test(job.data)
    if job.sample_submission is not None:
        index = submission.in_order_of(index, job.sample_submission)
    oids = submission.oids_of(index)
    if odd := submission.strangers(oids):
        say(
            f"{len(odd):,} of {len(oids):,} oids are not ten hexadecimal digits, as the "
            f"competition's are: {', '.join(odd[:3])}"
        )
    return index, oids


def question_of(job: config.Infer, members: Sequence[Member], index: Index) -> dict[str, Any]:
    """What decides the predictions; not where they are made, nor in batches of what size."""
    return {
        "version": predictions.VERSION,
        "networks": [
            {
                "model": member.model,
                "encoder": member.encoder,
                "precision": member.precision,
                "weights": member.weights,
            }
            for member in members
        ],
        "tta": job.tta,
        # Of one or two it is the same.
        "combine": job.combine if len(members) > 2 else "mean",
        "records": {
            "count": len(index),
            "shape": index.shape,
            "digest": predictions.records_digest(index),
        },
    }


def _require_room(job: config.Infer, kept: Predictions) -> None:
    needed = kept.bytes_missing() + kept.records * _BYTES_A_RECORD[job.format]
    free = shutil.disk_usage(kept.folder).free
    if needed > free:
        raise DiskFullError(
            f"--out {job.target}: predictions and file take {needed / 2**20:,.0f} MiB and "
            f"{free / 2**20:,.0f} MiB are free; make room, or name a file on another disk"
        )


def _say_what_comes(
    job: config.Infer,
    members: Sequence[Member],
    kept: Predictions,
    missing: Sequence[int],
    device: torch.device,
) -> None:
    networks = ", ".join(f"{m.model} in {m.precision} ({m.source})" for m in members)
    say(
        f"predicting {kept.records:,} records on {device} with {networks}"
        + (f", {job.combine} of {len(members)}" if len(members) > 1 else "")
        + (", averaged with the mirrored record's" if job.tta else "")
    )
    if len(missing) < kept.chunks:
        done = kept.records - sum(kept.size(chunk) for chunk in missing)
        say(f"going on from {kept.folder}: {done:,} records are predicted already")
    for folder in predictions.others(kept.folder.parent, kept):
        say(f"{folder} holds predictions of another question; they are not used")
    if job.target.exists():
        say(f"{job.target} is there: it is replaced when the new one is whole")


def _write(
    job: config.Infer, kept: Predictions, oids: Sequence[str], interruption: Interruption
) -> None:
    """Write the file from the predictions that are kept."""
    began = time.monotonic()

    def blocks() -> Iterator[NDArray[np.float32]]:
        for chunk in range(kept.chunks):
            interruption.check()
            maps = kept.read(chunk)
            yield maps.clip(VELOCITY_MIN, VELOCITY_MAX) if job.clip else maps

    def advance() -> None:
        pulse.beat(step=kept.records, total=kept.records)

    write = submission.write_csv if job.format == "csv" else submission.write_npy
    with pulse.phase("write"):
        write(job.target, oids, blocks(), whole=job.round, advance=advance)
    what = f"{len(oids) * submission.ROWS:,} rows" if job.format == "csv" else "all cells"
    say(
        f"wrote {what} of {len(oids):,} records to {job.target} "
        f"({job.target.stat().st_size / 2**20:,.1f} MiB) in {time.monotonic() - began:.1f} s"
    )
