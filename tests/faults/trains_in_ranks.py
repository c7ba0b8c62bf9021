"""Our own training on two ranks, of which the second goes wrong: the name of the case, a folder.
The first process makes a few samples and becomes torchrun."""

import functools
import os
import signal
import sys
import time
from pathlib import Path

CASE, SCRATCH = sys.argv[1], Path(sys.argv[2])
ROOT = Path(__file__).resolve().parents[2]


def launch() -> None:
    from tests.fwi import trees

    for n in (1, 2, 3):
        trees.write_pair(SCRATCH / "data", "FlatVel_A", n, samples=4)
    os.environ["OMP_NUM_THREADS"] = "1"
    os.execv(
        sys.executable,
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
         "--log-dir", os.devnull, *sys.argv],
    )  # fmt: skip


def work() -> int:
    import fwi.models
    from fwi.models import build

    fwi.models.build = functools.partial(build, width=16, attention=1)

    from fwi.__main__ import main
    from fwi.dataset import Samples

    read, reads = Samples.__getitems__, 0

    def load_the_next_batch(samples, positions):
        nonlocal reads
        reads += 1
        if reads == 3 and os.environ["RANK"] == "1":
            if CASE == "sleeps":
                time.sleep(3600)
            os.kill(os.getpid(), signal.SIGKILL)
        return read(samples, positions)

    Samples.__getitems__ = load_the_next_batch
    return main(
        ["train", "--data", str(SCRATCH / "data"), "--checkpoints", str(SCRATCH / "checkpoints"),
         "--batch-size", "1", "--workers", "0", "--device", "cpu", "--validation-fraction", "0.3"]
    )  # fmt: skip


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    if "RANK" in os.environ:
        sys.exit(work())
    launch()
