"""Every option of every job: its type, unit and default. No torch, no NumPy.

A job is a frozen dataclass; the command line is made from it by tyro, and :func:`to_argv` writes
one back as the arguments of ``python -m fwi JOB …``, which is how the supervisor starts it. A job
has a file here, and says itself what is wrong with its options (``problems()``).
"""

from fwi.config.batch import AUTO
from fwi.config.choices import (
    ENCODERS,
    OVERFLOWING,
    RECOMPUTABLE,
    REDUCED,
    SMALL_SET_FAMILIES,
    Dtype,
    Mode,
    Model,
    Precision,
    Sharing,
    Split,
    torch_dtype,
)
from fwi.config.count import Count
from fwi.config.evaluate import Evaluate
from fwi.config.footprint import Footprint
from fwi.config.infer import Infer
from fwi.config.jobs import JOBS, Job, as_dict, job_name, positional, problems, to_argv
from fwi.config.measure import Measure
from fwi.config.notebook import Notebook
from fwi.config.pack import Pack, Size
from fwi.config.places import cache_dir
from fwi.config.synth import Synth, small_set
from fwi.config.train import Train

__all__ = [
    "AUTO",
    "ENCODERS",
    "JOBS",
    "OVERFLOWING",
    "RECOMPUTABLE",
    "REDUCED",
    "SMALL_SET_FAMILIES",
    "Count",
    "Dtype",
    "Evaluate",
    "Footprint",
    "Infer",
    "Job",
    "Measure",
    "Mode",
    "Model",
    "Notebook",
    "Pack",
    "Precision",
    "Sharing",
    "Size",
    "Split",
    "Synth",
    "Train",
    "as_dict",
    "cache_dir",
    "job_name",
    "positional",
    "problems",
    "small_set",
    "to_argv",
    "torch_dtype",
]
