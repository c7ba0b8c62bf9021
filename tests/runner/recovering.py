"""Supervise ``tests/faults/train_that_fails.py`` as ``python -m runner train`` does the real one.

``python -m tests.runner.recovering HOW MARK '{train options}' '{supervision options}'``
"""

import json
import sys
from pathlib import Path

from fwi import config
from runner import supervisor
from runner.options import Supervision
from runner.retrying import Changeable

how, mark, train, supervision = sys.argv[1:]


def command(job: config.Job) -> list[str]:
    script = ["-m", "tests.faults.train_that_fails", how, mark, "train"]
    return [sys.executable, *script, *config.to_argv(job)]


if __name__ == "__main__":
    options = json.loads(train)
    job = config.Train(**options | {"data": Path(options["data"]), "device": "cpu"})
    result = supervisor.run(
        Changeable(job, command), job="train", options=Supervision(**json.loads(supervision))
    )
    print(json.dumps(result.as_dict()))
