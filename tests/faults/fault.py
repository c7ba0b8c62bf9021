"""What an injected fault is: data."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Room:
    """What a fault is shut in; each is made for one trial and gone with it."""

    shm_kib: int | None = None
    """Size of its own /dev/shm; None: large, and its own where that can be made."""
    disk_kib: int | None = None
    """Size of a disk of its own, mounted at ``{disk}``; None: none."""
    cgroup_mib: int | None = None
    """Limit of a memory cgroup of its own, to be entered at ``{cgroup}``; None: none."""
    terminal: bool = False
    """Whether the supervisor is started on a terminal."""


@dataclass(frozen=True)
class Fault:
    """A small real program, how it is started, and what must come of it."""

    name: str
    what: str
    """One line for the table: what goes wrong."""
    command: tuple[str, ...]
    """The program's name in this folder and its arguments, or a whole command behind ``$``.

    ``{scratch}``, ``{disk}`` and ``{cgroup}`` stand for folders of the trial; ``{faults}`` for this
    one, and ``{root}`` for the repository, where the command is a whole one.
    """
    outcome: str
    """Exactly this; ``ok`` makes the fault a negative."""
    options: tuple[str, ...] = ()
    """For ``python -m runner exec``."""
    evidence: tuple[str, ...] = ()
    """Each must stand in the evidence. ``{0}``, ``{1}`` … are the words that the job printed on a
    line that begins with ``culprit``: a pid that nobody knows beforehand."""
    leaks: tuple[str, ...] = ()
    """What the result must report under ``leaks``: of ``processes`` and ``shm``."""
    own_files: tuple[str, ...] = ()
    """How the names of temporary files begin which the job itself does not remove when it is ended:
    nothing proves that nobody needs them."""
    room: Room = field(default_factory=Room)
    needs: tuple[str, ...] = ()
    """Of the names in :mod:`tests.faults.needs`; and whatever the room takes is needed too."""
    meanwhile: str = ""
    """What is done to the supervisor once the job has printed ``ready``: one of the warden's
    actions. Empty: nothing."""
    told: tuple[str, ...] = ()
    """Each must stand in what the supervisor told the user."""
    status: int | None = None
    """Exit status of the supervisor; None: the one that belongs to the outcome."""
    environment: tuple[tuple[str, str], ...] = ()
    compared: bool = True
    """Whether the fault says something about other tools too."""

    @property
    def is_negative(self) -> bool:
        return self.outcome == "ok"
