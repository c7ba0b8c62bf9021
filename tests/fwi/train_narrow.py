"""``python -m fwi`` with SpecProj at width 16 instead of 48, so that a step takes a test's time."""

import functools
import sys

import fwi.models
from fwi.models import build

# Before fwi.stepping takes the name.
fwi.models.build = functools.partial(build, width=16, attention=1)

from fwi.__main__ import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
