"""Supervise ``tests/faults/train_that_fails.py`` as ``python -m runner train`` does the real one.

``python -m tests.runner.recovering HOW MARK NPROC '{train options}' '{supervision options}'``
"""

import json
import os
import sys
from pathlib import Path

from fwi import config
from runner import supervisor
from runner.options import Supervision
from runner.processes import Processes
from runner.retrying import Changeable

how, mark, nproc, train, supervision = sys.argv[1:]
processes = Processes(nproc=int(nproc))


def command(job: config.Job) -> list[str]:
    module = ["tests.faults.train_that_fails", how, mark, "train"]
    return processes.command([*module, *config.to_argv(job)])


if __name__ == "__main__":
    options = json.loads(train)
    job = config.Train(**options | {"data": Path(options["data"]), "device": "cpu"})
    result = supervisor.run(
        Changeable(job, command),
        job="train",
        options=Supervision(**json.loads(supervision)),
        environment=processes.environment(os.environ),
    )
    print(json.dumps(result.as_dict()))
