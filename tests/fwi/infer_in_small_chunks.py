"""``python -m fwi infer`` that keeps what it predicts four records at a time instead of 256."""

import sys

from fwi import predictions
from fwi.__main__ import main

predictions.CHUNK = 4

if __name__ == "__main__":
    sys.exit(main())
