"""The ways a job of ours ends badly on purpose, each with the outcome it stands for."""

from __future__ import annotations


class JobError(Exception):
    """A failure that is the reader's to mend; says what, where, what was expected, what to do.

    ``outcome`` is the dotted code of the design's table that the supervisor records.
    """

    outcome = "error.python"
    exit_code = 3


class DataError(JobError):
    """An input file is missing, truncated, of the wrong shape or of the wrong type."""

    outcome = "error.data"


class NonFiniteError(JobError):
    """The loss or the gradients stopped being finite.

    ``what`` says of which number and where, ``advice`` what is expected and what to do.
    """

    def __init__(self, what: str, advice: str = "") -> None:
        super().__init__(f"{what}. {advice}" if advice else what)
        self.what = what

    outcome = "error.nan"


class DiskFullError(JobError):
    """What is to be written does not fit where it is to be written."""

    outcome = "error.disk"


class UsageError(JobError):
    """Options that cannot work together."""

    outcome = "error.usage"
    exit_code = 2


class DependencyError(JobError):
    """A library is missing or does not fit another."""

    outcome = "error.dependency"


class DeviceError(JobError):
    """The device asked for is not there."""

    outcome = "fault.driver"


class ToldElsewhere(JobError):
    """Another process of the job has failed, and tells why."""

    def __init__(self, outcome: str | None, exit_code: int) -> None:
        super().__init__("the first rank failed and says why")
        self.outcome = outcome or JobError.outcome
        self.exit_code = exit_code
