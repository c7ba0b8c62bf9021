"""A log's end, read with the tables: which outcomes it speaks for, the likeliest first. Pure.

Where a log ends in a traceback, that one counts, with those it is chained to and what follows: a
message that was caught and lived through does not explain a later exception. Where the last words
are only a symptom (a launcher's summary, a closed connection, a worker that is gone), what stands
before them is asked, other ranks' tracebacks too: the first failure is the cause.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from probes import late
from runner import device_oom, log_ending
from runner.log_ending import Log, Trace
from runner.outcomes import Outcome as O
from runner.signatures import deaths, losses
from runner.signatures.collective import COLLECTIVE
from runner.signatures.data import DATA
from runner.signatures.device import DEVICE
from runner.signatures.host import HOST
from runner.signatures.numbers import NUMBERS
from runner.signatures.outside import OUTSIDE
from runner.signatures.signature import Match, Rank, Signature
from runner.signatures.software import SOFTWARE
from runner.signatures.storage import STORAGE
from runner.signatures.usage import USAGE

# The most specific stand first: of two that fit one line, the first is taken.
SIGNATURES: tuple[Signature, ...] = (
    *DEVICE, *STORAGE, *OUTSIDE, *HOST, *USAGE, *SOFTWARE, *NUMBERS, *DATA, *COLLECTIVE,
)  # fmt: skip

STARVED = (
    O.ERROR_FD, O.OOM_SHM, O.ERROR_DISK, O.OOM_HOST_REFUSED, O.OOM_PINNED, O.OOM_DEVICE_CAPACITY,
)  # fmt: skip
"""What ends a helper thread, whereupon all that wait for it stand still until somebody gives up."""
_KEPT = 300
_END = 60
"""Lines that count where there is no traceback."""
_BEFORE = 150
"""Lines that are asked before a symptom."""
_HERALDS = 30
"""Lines before a traceback in which the device's and the kernel's own words still belong to it."""
_NEAR = 15
_FAR = 80
"""Messages after a traceback that make it one that was lived through."""
_BOILERPLATE = late.compile(
    r"TORCH_USE_(?:CUDA|HIP)_DSA|CUDA_LAUNCH_BLOCKING|AMD_SERIALIZE_KERNEL|asynchronously reported"
    r"|in https?://docs\.nvidia\.com"
)
_GOES_ON = (
    r"\b(?:retrying|skipping|falling back|ignoring|recovering|resuming|reducing|continuing)\b"
    r"|\b(?:will|then) (?:re)?try\b(?! our best)|\bretry (?:in|with|after)\b|\btrying again\b"
)
_WENT_ON = 10
"""Reports of progress after a traceback that make it one that was lived through."""
_LIVED_THROUGH = late.compile(
    _GOES_ON
    + r"|(?-i:\b(?<!NCCL )WARN(?:ING)?\b|(?<![=\w])(?:INFO|DEBUG)\b|\b(?:PASSED|SKIPPED)\b)"
    r"|Warning:|^\[?(?:warn(?:ing)?|info|debug)\b|^\[?W[ \d]"
    r"|\blevel['\"]?[=:] ?['\"]?(?:warn|info|debug)",
    re.IGNORECASE,
)
_LIVED_ON = late.compile(_GOES_ON, re.IGNORECASE)
_THREAD = late.compile(
    r"^Exception in thread |queues\.py\"?, line \d+, in _feed|in _pin_memory_loop"
)
_CALM = (O.INTERRUPTED, O.HANG_IO)
"""What is told without alarm, as news or a warning, and is an end for all that."""
_SOFT = (O.ERROR_DEPENDENCY, O.ERROR_DATA, O.ERROR_PYTHON)
"""What programs ask for and handle in good order: ``except ImportError``."""

# How much a hit counts, by where it stands; the words of a rank only order hits of one place.
_SYSTEM, _ENDED, _FIRST_FAILURE, _STARVED, _LATER, _LAST_WORDS, _AFTER = 40, 39, 35, 33, 32, 31, 30
_OTHERS, _DEATH, _OTHER_EXCEPTION, _EXCEPTION, _HANDLED = 28, 27, 26, 25, 22
_FIRST_LOSS, _SYMPTOM, _LAST_LOSS, _OTHER_SYMPTOM = 21, 20, 19, 18
_ABORTED, _ASKED_FOR, _SUMMARY = 16, 15, 3


@dataclass(frozen=True)
class _Hit:
    weight: int
    place: int
    match: Match


def match(text: str) -> list[Match]:
    """What the end of a log fits, the likeliest first, each outcome once. Never raises."""
    log = log_ending.read(text)
    hits = sorted(_hits(log), key=lambda hit: (-hit.weight, _order(hit)))
    found: dict[O, Match] = {}
    for hit in hits:
        found.setdefault(hit.match.outcome, hit.match)
    return list(found.values())


def _order(hit: _Hit) -> int:
    """Later lines first; but of several deaths the first is the cause."""
    return hit.place if hit.weight in (_DEATH, _OTHER_EXCEPTION, _OTHERS) else -hit.place


def _hits(log: Log) -> list[_Hit]:
    chain = _last_chain(log)
    if chain:
        start = chain[0].start
        found = list(_own(log, chain))
        end = _end_of(log, chain[-1])
        found += _plain(log, end, len(log.lines), _AFTER, since=end)
    else:
        start = max(0, len(log.lines) - _END)
        found = list(_plain(log, start, len(log.lines), _AFTER))
        end = start
    best = max((hit.weight for hit in found), default=0)
    if best <= _SYMPTOM:
        found += _before(log, start, chain)
    elif best != _EXCEPTION:
        heralds = _plain(log, max(0, start - _HERALDS), start, 0)
        found += [hit for hit in heralds if hit.weight >= _ENDED]
    found += _deaths(log, end)
    return found + list(_last_loss(log, found))


def _last_loss(log: Log, found: list[_Hit]) -> Iterator[_Hit]:
    """A loss that was no number at the last report: a failed collective is what that leads to, and
    any other word of the end tells more."""
    place = losses.last_not_finite(log, is_strict=False)
    if place is None:
        return
    told = max((hit.weight for hit in found), default=0)
    best = {hit.match.outcome for hit in found if hit.weight == told}
    leads = told <= _SYMPTOM and best == {O.ERROR_COLLECTIVE}
    line = log.lines[place].text.strip()[:_KEPT]
    weight = _FIRST_LOSS if leads else _LAST_LOSS
    yield _Hit(weight, place, Match(O.ERROR_NAN, line, confidence=0.75))


def _last_chain(log: Log) -> list[Trace]:
    """The last traceback that is no other's echo; empty where the log went on long after it."""
    for trace in reversed(log.traces):
        if trace.is_ignored or log.is_carrier(trace):
            continue
        after = log.lines[_end_of(log, trace) :]
        said = sum(1 for line in after if line.text and not line.is_frame)
        return [] if said > _FAR or _went_on(log, trace) else log.chain(trace)
    return []


def _went_on(log: Log, trace: Trace) -> bool:
    """Whether so much progress was reported after it that it was lived through."""
    if trace.said is None:
        return False
    return len(log.progress) - bisect_left(log.progress, _end_of(log, trace)) >= _WENT_ON


def _end_of(log: Log, trace: Trace) -> int:
    """Where the message of its exception ends, at the latest."""
    assert trace.said is not None
    nexts = [other.start for other in log.traces if other.start > trace.said]
    end = min([*nexts, len(log.lines), trace.said + 12])
    for place in range(trace.said + 1, end):
        if log.lines[place].stream != trace.stream:
            return place
    return end


def _own(log: Log, chain: list[Trace]) -> Iterator[_Hit]:
    """What the last traceback says, and those that it is chained to."""
    last = chain[-1]
    start, end = chain[0].start, _end_of(log, last)
    context = log.context(start, end)
    assert last.said is not None
    told = False
    for trace in chain:
        if trace.said is None:
            continue
        is_last = trace is last
        for place in range(trace.said, _end_of(log, trace)):
            found = _fit(log, place, context)
            if found is None:
                continue
            told = told or is_last
            weight = _weight(found[0], _LAST_WORDS)
            if found[1].outcome is O.ERROR_PYTHON:
                weight = _EXCEPTION
            later = chain[chain.index(trace) + 1 :]
            if not is_last and found[0].outcome in _SOFT and not all(t.is_direct for t in later):
                weight = min(weight, _HANDLED)
            yield _Hit(weight, place, found[1])
            if is_last and found[0].is_pool:
                yield from _of_workers(log, last.said, end)
                yield from _last_words_of_workers(log, start)
    if log.exception(last).startswith("KeyboardInterrupt"):
        yield from _starved_before(log, start)
    if not told:
        line = log.exception(last)[:_KEPT]
        yield _Hit(_EXCEPTION, last.said, Match(O.ERROR_PYTHON, line, confidence=0.85))


def _of_workers(log: Log, start: int, end: int) -> Iterator[_Hit]:
    """How its workers ended, as the message of a broken pool of them tells."""
    for place in range(start, end):
        text = log.lines[place].text
        death = deaths.report(text)
        if death is not None:
            hit = _hit_of_death(death, place, _DEATH)
            told = O.CRASH_KILLED if death.is_asked_for else hit.match.outcome
            yield _Hit(_DEATH, place, replace(hit.match, outcome=told))
        elif deaths.tells_of_an_exit(text):
            yield _Hit(_DEATH, place, Match(O.ERROR_PYTHON, text.strip()[:_KEPT], confidence=0.7))


def _last_words_of_workers(log: Log, end: int) -> Iterator[_Hit]:
    """How a worker died, in its own words before the pool's message."""
    for place in range(max(0, end - _END), end):
        line = log.lines[place]
        death = None if line.is_frame else deaths.report(line.text)
        if death is not None and not death.is_asked_for and not _LIVED_ON.search(line.text):
            yield _hit_of_death(death, place, _DEATH)


def _starved_before(log: Log, start: int) -> Iterator[_Hit]:
    """What a thread that the program waits for had died of before the user interrupted it."""
    for trace in log.traces:
        if trace.said is None or trace.is_ignored or not start - _END <= trace.said < start:
            continue
        frames = log.context(max(0, trace.start - 1), trace.said)
        found = _fit(log, trace.said, frames)
        if (
            found is not None
            and found[1].outcome in STARVED
            and _THREAD.search(frames)
            and not _went_on(log, trace)
        ):
            yield _Hit(_STARVED, trace.said, replace(found[1], also=(O.INTERRUPTED,)))


def _plain(
    log: Log, start: int, end: int, weight: int, *, since: int | None = None
) -> Iterator[_Hit]:
    """What lines outside of tracebacks say, and exceptions that are printed without one."""
    ignored = {trace.said for trace in log.traces if trace.is_ignored or _went_on(log, trace)}
    for place in range(start, end):
        line = log.lines[place]
        if line.is_frame or not line.text or place in ignored:
            continue
        context = log.context(max(0, place - _NEAR), place + _NEAR)
        found = _fit(log, place, context)
        if found is None or _was_lived_through(line.text, found[1].outcome):
            continue
        far = since is not None and place - since > 20
        counted = _weight(found[0], _LATER if far else weight)
        yield _Hit(counted, place, replace(found[1], confidence=0.85))


def _was_lived_through(line: str, outcome: O) -> bool:
    """Whether the words are a warning, or of somebody who goes on."""
    if outcome is O.ERROR_NAN and losses.is_passed_over(line):
        return True
    told = _LIVED_ON if outcome in _CALM else _LIVED_THROUGH
    return bool(told.search(line))


def _before(log: Log, start: int, chain: list[Trace]) -> Iterator[_Hit]:
    """What stands before a symptom: tracebacks of other ranks and threads, and loud lines."""
    first = max(0, start - _BEFORE)
    said: set[int] = set()
    last = chain[-1] if chain else None
    # The tracebacks of two ranks may be interleaved, so that the other began later and ended first.
    end = start if last is None or last.said is None else last.said
    for trace in log.traces:
        if trace.said is None or trace.is_ignored or not first <= trace.said < end:
            continue
        if trace in chain or _went_on(log, trace):
            continue
        span = range(trace.said, _end_of(log, trace))
        said.update(span)
        context = log.context(trace.start, span.stop)
        fits = [(place, _fit(log, place, context)) for place in span]
        for place, found in fits:
            if found is not None:
                weight = _OTHER_SYMPTOM if found[0].rank is Rank.SYMPTOM else _OTHERS
                yield _Hit(weight, place, replace(found[1], confidence=0.8))
        near = last is None or trace.stream != last.stream or start - trace.said <= _NEAR
        if near and not any(found for _, found in fits) and not log.is_carrier(trace):
            line = log.exception(trace)[:_KEPT]
            yield _Hit(_OTHER_EXCEPTION, trace.said, Match(O.ERROR_PYTHON, line, confidence=0.7))
    for hit in _plain(log, max(first, start - _END), start, _OTHERS):
        if hit.place not in said:
            symptom = hit.weight == _SYMPTOM
            yield replace(hit, weight=_OTHER_SYMPTOM) if symptom else hit


def _deaths(log: Log, start: int) -> Iterator[_Hit]:
    """What launchers and shells say of a child's signal."""
    texts = ["" if line.is_frame else line.text for line in log.lines]
    first = deaths.first_failure(texts)
    if first is not None and 0 <= first[0] <= 128:
        # A rank that failed by itself: whoever died of a signal beside it is a victim.
        match = Match(O.ERROR_PYTHON, first[1][:_KEPT], confidence=0.6)
        yield _Hit(_SUMMARY, 0, match)
        return
    if first is not None:
        number = -first[0] if first[0] < 0 else first[0] - 128
        yield _hit_of_death(deaths.Death(number, first[1]), 0, _FIRST_FAILURE)
    for place in range(start, len(texts)):
        death = deaths.report(texts[place]) if texts[place] else None
        if death is None or _LIVED_ON.search(texts[place]):
            continue
        context = log.context(max(0, place - _NEAR), place + 1)
        if _fit(log, place, context) is None:
            yield _hit_of_death(death, place, _DEATH)


def _hit_of_death(death: deaths.Death, place: int, weight: int) -> _Hit:
    outcome = death.outcome
    if death.is_asked_for:
        weight = _ASKED_FOR
    elif outcome is O.CRASH_ABORT:
        weight = _ABORTED
    killed, bus = outcome is O.OOM_HOST_KILLED, outcome is O.OOM_SHM
    found = Match(
        outcome,
        death.line.strip()[:_KEPT],
        only_a_signal=killed,
        also=(O.CRASH_KILLED,) if killed else (O.CRASH_SIGNAL,) if bus else (),
        confidence=0.6 if killed else 0.8,
        is_bus=bus,
    )
    return _Hit(weight, place, found)


def _weight(signature: Signature, weight: int) -> int:
    if signature.rank >= Rank.ENDED:
        return _SYSTEM if signature.rank is Rank.SYSTEM else _ENDED
    return weight if signature.rank is Rank.CAUSE else min(weight, _SYMPTOM)


def _fit(log: Log, place: int, context: str) -> tuple[Signature, Match] | None:
    line = log.lines[place].text
    if log.lines[place].is_frame or not line or _BOILERPLATE.search(line):
        return None
    signature = next((one for one in SIGNATURES if one.fits(line, context)), None)
    if signature is None:
        return None
    found = Match(
        signature.outcome,
        line.strip()[:_KEPT],
        also=signature.also,
        is_system=signature.rank >= Rank.ENDED,
        is_heap=signature.is_heap,
        is_bus=signature.is_bus,
        confidence=0.75 if signature.rank is Rank.SYMPTOM else 0.9,
    )
    if signature.outcome is O.OOM_DEVICE_CAPACITY:
        return signature, _by_numbers(found, log.context(place, place + 8))
    return signature, found


def _by_numbers(found: Match, message: str) -> Match:
    numbers = device_oom.read(message)
    return found if numbers is None else _judged(found, numbers)


def _judged(found: Match, numbers: device_oom.DeviceOom) -> Match:
    judged = device_oom.judge(numbers)
    return replace(
        found,
        outcome=judged.outcome,
        numbers=device_oom.words(numbers),
        device=numbers,
        also=judged.also,
        confidence=judged.confidence,
    )


def with_own_processes(found: Match, pids: Collection[int]) -> Match:
    """The match, where the job's own processes are among those that a device's message names."""
    numbers = found.device and device_oom.of_the_tree(found.device, pids)
    if numbers is None or not numbers.siblings:
        return found
    judged = _judged(found, numbers)
    return (
        judged
        if judged.outcome is found.outcome
        else replace(judged, also=(*judged.also, found.outcome))
    )
