"""A stalled tree → what it hangs in. Pure.

What each process waits for is decided by its main thread; then the waits are followed: from a main
process to the loader worker that does not deliver, from a parent to its child, from a rank in a
collective to the rank that is elsewhere. The last of such a chain is the culprit and is named.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.evidence import Fact
from runner.outcomes import Outcome
from runner.wait_kinds import Kind, Wait

SPINNING = 0.7
"""Processor share, of one core, from which a process is busy."""
_FOLLOWED = 8


@dataclass(frozen=True)
class Hang:
    """What a stall is, with its evidence and what else fits."""

    outcome: Outcome
    confidence: float
    facts: tuple[Fact, ...] = ()
    also: tuple[Outcome, ...] = ()


@dataclass(frozen=True)
class Suspect:
    """One process of the stalled tree, as far as the verdict needs it."""

    pid: int | None
    name: str = ""
    parent: int | None = None
    state: str = "S"
    """Of the main thread; ``D`` or ``T`` where any thread of it is; ``F``: its cgroup is frozen."""
    wait: Wait | None = None
    """Of the main thread."""
    share: float | None = None
    """Of a core, that the process used or waited for between the captures."""
    is_worker: bool = False
    rank: int | None = None
    detail: str = ""
    """More about its wait: a file, a lock's holder, a system call."""
    place: str = ""
    """Its innermost frame."""
    awaits: tuple[int, ...] = ()
    """Processes that it waits for beside its children: a pool's workers, who holds the other end
    of its pipe."""

    @property
    def called(self) -> str:
        role = "loader worker" if self.is_worker else self.name or "process"
        rank = f"rank {self.rank}, " if self.rank is not None else ""
        return f"{role} ({rank}pid {self.pid})" if self.pid is not None else role


@dataclass(frozen=True)
class Scene:
    """The whole tree; the job's first process stands first."""

    suspects: tuple[Suspect, ...]
    world: int | None = None
    """How many ranks there should be; None: no ranks, or not told."""
    source: str = "stack"
    is_whole: bool = False
    """Whether every process of the tree is in it; of a dump from anywhere, some are."""


BY_KIND = {
    Kind.LOADER: Outcome.HANG_DATALOADER,
    Kind.COLLECTIVE: Outcome.HANG_COLLECTIVE,
    Kind.DEVICE: Outcome.HANG_DEVICE,
    Kind.LOCK: Outcome.HANG_LOCK,
    Kind.JOIN: Outcome.HANG_LOCK,
    Kind.CHILD: Outcome.HANG_IO,
    Kind.IO: Outcome.HANG_IO,
    Kind.SLEEP: Outcome.HANG_UNKNOWN,
    Kind.DEBUGGER: Outcome.HANG_STOPPED,
}
_BUSY_PATIENTLY = (Kind.DEVICE, Kind.COLLECTIVE)
"""Waits that burn processor time by design: CUDA and NCCL poll."""


def decide(scene: Scene) -> Hang:
    """What a tree hangs in. Never raises; ``hang.unknown`` where nothing tells."""
    for rule in (_stopped, _ranks, _loader, _uninterruptible, _busy, _chain):
        found = rule(scene)
        if found is not None:
            return found
    return Hang(Outcome.HANG_UNKNOWN, 0.3)


def _stopped(scene: Scene) -> Hang | None:
    stopped = [s for s in scene.suspects if s.state in ("T", "t", "F")]
    if not stopped:
        return None
    who = stopped[0]
    how = "frozen with its cgroup" if who.state == "F" else "stopped, by a signal or a debugger"
    others = {BY_KIND[s.wait.kind] for s in scene.suspects if s.wait and s.wait.kind in BY_KIND}
    return Hang(
        Outcome.HANG_STOPPED,
        0.95,
        (Fact("process", f"{who.called} is {how}"),),
        tuple(sorted(others - {Outcome.HANG_UNKNOWN})),
    )


def _ranks(scene: Scene) -> Hang | None:
    inside = [s for s in scene.suspects if s.wait and s.wait.kind is Kind.COLLECTIVE]
    if not inside:
        return None
    first = inside[0]
    assert first.wait is not None
    facts = [Fact(scene.source, f"{first.called} waits in {first.wait.text}")]
    ranked = [s for s in scene.suspects if s.rank is not None and not s.is_worker]
    here = {s.rank for s in ranked}
    missing = sorted(set(range(scene.world or 0)) - here) if len(here) == len(ranked) else []
    elsewhere = [s for s in ranked if s.wait is None or s.wait.kind is not Kind.COLLECTIVE]
    also: list[Outcome] = []
    if missing and ranked:
        names = ", ".join(map(str, missing))
        facts.append(Fact("process", f"rank {names} of {scene.world} is not there"))
    for culprit in elsewhere[:_FOLLOWED]:
        facts.append(Fact(scene.source, f"{culprit.called} is elsewhere: {_doing(culprit)}"))
        own = [s for s in scene.suspects if s.is_worker and s.parent == culprit.pid]
        behind = _loader(Scene((culprit, *own), source=scene.source))
        if behind is not None:
            facts += behind.facts[1:]
            also += behind.also
        if culprit.wait and culprit.wait.kind in BY_KIND:
            also.append(BY_KIND[culprit.wait.kind])
    if not elsewhere and not missing:
        places = {s.wait.text for s in inside if s.wait}
        facts += [
            Fact(scene.source, f"{s.called} waits in {s.wait.text}")
            for s in inside[1:_FOLLOWED]
            if s.wait and len(places) > 1
        ]
    also = [o for o in also if o is not Outcome.HANG_UNKNOWN]
    return Hang(
        Outcome.HANG_COLLECTIVE, 0.95 if elsewhere or missing else 0.85, tuple(facts), tuple(also)
    )


def _loader(scene: Scene) -> Hang | None:
    waiting = next((s for s in scene.suspects if s.wait and s.wait.kind is Kind.LOADER), None)
    if waiting is None:
        return None
    assert waiting.wait is not None
    facts = [Fact(scene.source, f"{waiting.called} waits for a batch in {waiting.wait.text}")]
    guilty = [
        s
        for s in scene.suspects
        if s.is_worker and not (s.wait and s.wait.kind is Kind.LOADER_IDLE)
    ]
    for worker in guilty[:_FOLLOWED]:
        facts.append(Fact(scene.source, f"{worker.called} does not deliver: {_doing(worker)}"))
    workers = [s for s in scene.suspects if s.is_worker]
    if not guilty and workers:
        text = f"its {len(workers)} worker(s) wait for the next index: a batch or an index was lost"
        facts.append(Fact(scene.source, text))
    also = {BY_KIND[w.wait.kind] for w in guilty if w.wait and w.wait.kind in BY_KIND}
    if any(_is_busy(w) for w in guilty):
        also.add(Outcome.HANG_SPIN)
    also.discard(Outcome.HANG_UNKNOWN)
    return Hang(
        Outcome.HANG_DATALOADER, 0.95 if guilty else 0.85, tuple(facts), tuple(sorted(also))
    )


def _uninterruptible(scene: Scene) -> Hang | None:
    stuck = [s for s in scene.suspects if s.state == "D"]
    if not stuck:
        return None
    text = f"{stuck[0].called} is in uninterruptible sleep{_detail(stuck[0])}"
    return Hang(Outcome.HANG_IO, 0.85, (Fact("process", text),))


def _busy(scene: Scene) -> Hang | None:
    busy = [s for s in scene.suspects if _is_busy(s)]
    if not busy:
        return None
    worst = max(busy, key=lambda s: s.share or 0.0)
    at = f", at {worst.place}" if worst.place else ""
    text = f"{worst.called} wanted {worst.share:.0%} of a core and made no progress{at}"
    also = (Outcome.HANG_DEVICE,) if worst.wait and worst.wait.kind is Kind.DEVICE else ()
    return Hang(Outcome.HANG_SPIN, 0.9, (Fact("cpu", text),), also)


def _is_busy(who: Suspect) -> bool:
    patient = who.wait is not None and who.wait.sure and who.wait.kind in _BUSY_PATIENTLY
    return who.share is not None and who.share >= SPINNING and not patient


def _chain(scene: Scene) -> Hang | None:
    """From the first process along those that are waited for, to the last of them."""
    if not scene.suspects:
        return None
    paths = _Paths(scene)
    passed = paths.from_(scene.suspects[0])
    seen = [s for s in passed if s.wait is not None]
    facts = [Fact(scene.source, f"{s.called}: {_doing(s)}") for s in seen[-_FOLLOWED:]]
    chain = [s for s in seen if s.wait is not None and s.wait.kind in BY_KIND]
    if not chain:
        return None
    # Whoever waits for another process is a consequence, unless nothing is known of that one.
    last = chain[-1]
    assert last.wait is not None
    outcome = BY_KIND[last.wait.kind]
    also = [BY_KIND[s.wait.kind] for s in chain if s.wait and s is not last]
    gone = scene.is_whole and last.wait.kind is Kind.CHILD and not _children(scene, last)
    if gone and not last.place:
        # Of a shell, what it waited for has ended meanwhile: a loop that asks for something, for
        # instance. In Python the wait may be for a pipe that somebody else holds.
        outcome, also = Outcome.HANG_UNKNOWN, [Outcome.HANG_IO]
    if outcome is Outcome.HANG_DEVICE and not last.wait.sure:
        also.append(Outcome.HANG_SPIN)
    rivals = [BY_KIND[k] for s in chain if s.wait for k in s.wait.others if k in BY_KIND]
    rivals += [BY_KIND[s.wait.kind] for s in paths.beside(passed) if s.wait]
    rivals = [o for o in rivals if o not in (outcome, Outcome.HANG_UNKNOWN)]
    also = [o for o in dict.fromkeys([*also, *rivals]) if o not in (outcome, Outcome.HANG_UNKNOWN)]
    sure = (0.7 if rivals else 0.9) if last.wait.sure else 0.6
    return Hang(
        outcome, 0.5 if outcome is Outcome.HANG_UNKNOWN else sure, tuple(facts), tuple(also)
    )


def tells(who: Suspect) -> bool:
    return who.wait is not None and who.wait.kind not in (
        Kind.SLEEP, Kind.CHILD, Kind.JOIN, Kind.LAUNCHER, Kind.HELPER,
    )  # fmt: skip


class _Paths:
    """From a process to the one that keeps it waiting: each is asked once."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._found: dict[int | None, list[Suspect]] = {}
        self._open: set[int | None] = set()

    def from_(self, who: Suspect) -> list[Suspect]:
        """The process itself and those behind it. Where two wait for one another, the path ends
        before it comes round."""
        self._open.add(who.pid)
        behind = [self._found.get(one.pid) or self.from_(one) for one in self._next(who)]
        self._open.discard(who.pid)
        self._found[who.pid] = [who, *min(behind, key=_rank, default=[])]
        return self._found[who.pid]

    def _next(self, who: Suspect) -> list[Suspect]:
        """Whom it waits for; who waits for nobody else stands first."""
        found = [one for one in _waited_for(self._scene, who) if one.pid not in self._open]
        return sorted(found, key=lambda one: bool(_waited_for(self._scene, one)))

    def beside(self, passed: list[Suspect]) -> list[Suspect]:
        """Who is at the end of another path, and tells as much."""
        others = [one for who in passed for one in _waited_for(self._scene, who)]
        ends = [path[-1] for one in others if (path := self._found.get(one.pid))]
        return [one for one in ends if one not in passed and tells(one) and not _is_idle(one)]


def _rank(path: list[Suspect]) -> int:
    """How much the end of a path tells, the most first."""
    end = path[-1]
    if _is_idle(end):
        return 3
    if end.wait is None:
        return 2
    return 0 if tells(end) else 1


def _is_idle(who: Suspect) -> bool:
    return who.wait is not None and who.wait.kind in (Kind.HELPER, Kind.LOADER_IDLE)


def _waited_for(scene: Scene, who: Suspect) -> list[Suspect]:
    if who.wait is None or who.pid is None:
        return []
    found = [s for s in scene.suspects if s.pid in who.awaits and s is not who]
    if who.wait.kind in (Kind.CHILD, Kind.JOIN, Kind.LAUNCHER, Kind.SLEEP):
        children = _children(scene, who)
        if who.wait.kind is not Kind.SLEEP or len(children) == 1:
            found += [one for one in children if one not in found]
    return found


def _children(scene: Scene, parent: Suspect) -> list[Suspect]:
    return [s for s in scene.suspects if s.parent is not None and s.parent == parent.pid]


def _doing(who: Suspect) -> str:
    if who.wait is None:
        busy = f"{who.share:.0%} of a core" if who.share is not None else "its wait was not seen"
        return f"{busy}, at {who.place}" if who.place else busy
    words = {
        Kind.LOADER: "waits for a batch",
        Kind.LOADER_IDLE: "waits for work",
        Kind.LAUNCHER: "waits for its ranks",
        Kind.COLLECTIVE: "waits in a collective",
        Kind.DEVICE: "waits for the device",
        Kind.LOCK: "waits for a lock",
        Kind.CHILD: "waits for a child process",
        Kind.JOIN: "waits for a child process",
        Kind.IO: "is blocked in input or output",
        Kind.SLEEP: "sleeps",
        Kind.HELPER: "waits for work",
        Kind.DEBUGGER: "is at a debugger's prompt",
    }[who.wait.kind]
    at = f", at {who.place}" if who.place and who.place not in who.wait.text else ""
    return f"{words}, in {who.wait.text}{_detail(who)}{at}"


def _detail(who: Suspect) -> str:
    return f" ({who.detail})" if who.detail else ""
