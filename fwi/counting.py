"""The count job: how many samples a training has."""

from __future__ import annotations

import contextlib
import json
import sys

from fwi import config
from fwi.ranks import Ranks
from fwi.shares import Member
from fwi.training_data import gather


def count(job: config.Count) -> None:
    """Print ``{"train": n, "validation": n}``. Without data the small set is simulated first.

    Raises DataError for files that cannot be trained on.
    """
    asked = config.Train(
        data=job.data,
        families=job.families,
        split=job.split,
        validation_fraction=job.validation_fraction,
        model=job.model,
        seed=job.seed,
    )
    with contextlib.redirect_stdout(sys.stderr):
        found = gather(asked, Ranks(Member())).counts
    print(json.dumps(found), flush=True)
