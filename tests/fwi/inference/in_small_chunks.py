"""``python -m fwi infer`` with SpecProj at width 16, that keeps what it predicts four records at a
time instead of 256."""

import functools
import sys

import fwi.models
from fwi import predictions
from fwi.models import build

# Before fwi.trained takes the name.
fwi.models.build = functools.partial(build, width=16, attention=1)
predictions.CHUNK = 4

from fwi.__main__ import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
