"""A stack dump as text, from anywhere → what it hangs in. Pure.

A dump has no counters and often no frame that tells: ``.item()``, ``os.read``, ``Work.wait`` and a
lock leave none in Python. Then the names of the program's own functions are all there is; what they
suggest is a guess, and the other kinds of waiting are listed beside it.
"""

from __future__ import annotations

import re
from dataclasses import replace

from probes.dumps import ProcessDump, Stack, parse
from runner import thread_roles, waits
from runner.evidence import Fact
from runner.hangs import BY_KIND, Hang, Scene, Suspect, decide, tells
from runner.outcomes import Outcome
from runner.wait_kinds import Kind

_STILL = re.compile(
    r"^process (\d+) \((.{1,40})\) is (stopped|in uninterruptible sleep): no stack", re.MULTILINE
)
"""What a capture of ours says of a process that no debugger may touch."""
_STATE = re.compile(r"^State:\s+([TtD]) \(", re.MULTILINE)
"""A line of /proc/PID/status."""
_PROMPT = re.compile(r"^(?:\(Pdb(?:\+\+)?\)|ipdb>) *\Z", re.MULTILINE)
_FATAL = re.compile(r"^Fatal Python error: ", re.MULTILINE)
_ANY_HANG = (
    Outcome.HANG_IO, Outcome.HANG_LOCK, Outcome.HANG_DATALOADER, Outcome.HANG_COLLECTIVE,
    Outcome.HANG_DEVICE,
)  # fmt: skip
_DEVICE_WORDS = re.compile(
    r"cuda|device|gpu|\bitem\b|amp|h2d|d2h|(?<!a)sync(?!_grad)", re.IGNORECASE
)
_COLLECTIVE_WORDS = re.compile(
    r"all_?reduce|all_?gather|reduce_?scatter|broadcast|nccl|gloo|rendezvous|\bpeers?\b|_peers?\b"
    r"|(?:^|[_ ])ranks?\b|sync_grad|average_grad|grad_?sync|collective",
    re.IGNORECASE,
)
_IO_WORDS = re.compile(
    r"read|load|open|fetch|download|copy|stage|write|recv|request|upload|connect|stream|pipe|socket"
    r"|sync_from|rsync|tail|ask|prompt|input|poll|serve|emit|print|report|decode|parse|dump|http"
    r"|stdin|record|ingest|pull|push|mount",
    re.IGNORECASE,
)
_PENDING = re.compile(
    r"['\"]profiling_name['\"]: ?['\"]((?:nccl|gloo|xccl|ucc):\w+)['\"]"
    r"[^{}]{0,2000}?['\"]state['\"]: ?['\"](?:scheduled|started)['\"]"
)
_INTERPRETS = re.compile(r"_?PyEval_|_PyFunction_|PyNumber_|PyObject_|_PyObject_")
_BACKWARD = re.compile(r"(_engine_)?run_backward\b")


def read_dump(text: str) -> Hang | None:
    """What hangs, from a stack dump of any origin; None where the text is none, or is the dump of
    a fatal signal."""
    if _FATAL.search(text):
        return None
    processes = parse(text)
    still = tuple(
        Suspect(pid=int(pid), name=name, state="T" if how == "stopped" else "D")
        for pid, name, how in dict.fromkeys(_STILL.findall(text))
    )
    if not processes:
        return decide(Scene(still)) if still else _recorded(text) or _at_a_prompt(text)
    suspects = (*(_suspect_of(dump) for dump in processes), *still)
    if len(processes) == 1 and (state := _STATE.search(text)):
        suspects = (replace(suspects[0], state=state[1]),)
        still = suspects
    leaving = processes[0].stacks[0]
    if len(processes) == 1 and not still and thread_roles.says_exit(leaving):
        return _leaving(leaving, suspects[0])
    if still or any(s.wait is not None and s.wait.kind in BY_KIND for s in suspects):
        found = decide(Scene(_first_that_tells(suspects)))
        if any(s.wait and _BACKWARD.match(s.wait.text) for s in suspects):
            # The gradients' all-reduce runs in there, too, and leaves no frame.
            found = replace(found, confidence=0.6, also=(*found.also, Outcome.HANG_COLLECTIVE))
        return found
    return _guess(processes[0].stacks[0])


def _recorded(text: str) -> Hang | None:
    """torch's flight recorder: the collectives that were begun and did not end."""
    pending = _PENDING.findall(text)
    if not pending:
        return None
    names = ", ".join(dict.fromkeys(name for name in pending[:4]))
    fact = Fact("flight recorder", f"not completed: {names}")
    return Hang(Outcome.HANG_COLLECTIVE, 0.85, (fact,))


def _at_a_prompt(text: str) -> Hang | None:
    if not _PROMPT.search(text.rstrip("\r\n")):
        return None
    fact = Fact("output", "it ends at a debugger's prompt")
    return Hang(Outcome.HANG_STOPPED, 0.7, (fact,))


def _leaving(main: Stack, who: Suspect) -> Hang:
    """The program has run to its end and waits there for something."""
    text = f"the program waits at its exit, in {main.frames[0]}"
    also = BY_KIND.get(who.wait.kind, Outcome.HANG_UNKNOWN) if who.wait else Outcome.HANG_UNKNOWN
    return Hang(Outcome.HANG_EXIT, 0.8, (Fact("stack", text),), (also,))


def _suspect_of(dump: ProcessDump) -> Suspect:
    main = dump.stacks[0]
    wait = waits.of_stack(main)
    if (wait is None or wait.kind is Kind.LOCK) and thread_roles.is_for_a_thread(main):
        wait = waits.of_others(dump.stacks[1:], (*waits.FOR_A_THREAD, Kind.LOCK)) or wait
    elif wait is None and main.active is not False:
        # Without a main thread that tells, another that does may: a gdb dump names none.
        wait = waits.of_others(dump.stacks[1:], (Kind.COLLECTIVE, Kind.DEVICE))
    return Suspect(
        pid=dump.pid,
        name=dump.command.split(" ")[0].rpartition("/")[2],
        wait=wait,
        is_worker=thread_roles.is_loader_worker(main.frames),
        place=str(main.frames[0]) if main.frames else "",
    )


def _first_that_tells(suspects: tuple[Suspect, ...]) -> tuple[Suspect, ...]:
    def order(who: Suspect) -> int:
        if who.wait is None:
            return 3
        if tells(who) and who.wait.kind is not Kind.LOADER_IDLE:
            return 0
        return 1 if who.wait.kind in (Kind.CHILD, Kind.JOIN) else 2

    return tuple(sorted(suspects, key=order))


def _guess(main: Stack) -> Hang:
    """Only the program's own frames tell."""
    place = str(main.frames[0]) if main.frames else "a thread without frames"
    names = " ".join(frame.plain for frame in main.frames[:3])
    if main.active:
        # Who waits for the device has given the interpreter's lock back.
        device = not main.holds_gil and bool(_DEVICE_WORDS.search(names))
        outcome = Outcome.HANG_DEVICE if device else Outcome.HANG_SPIN
        other = Outcome.HANG_SPIN if device else Outcome.HANG_DEVICE
        fact = Fact("stack", f"the main thread runs in {place}")
        return Hang(outcome, 0.5, (fact,), (other,))
    if main.frames and _INTERPRETS.match(main.frames[0].plain):
        fact = Fact("stack", f"the main thread runs Python code, in {place}")
        return Hang(Outcome.HANG_SPIN, 0.5, (fact,), _ANY_HANG)
    outcome = Outcome.HANG_LOCK
    if _COLLECTIVE_WORDS.search(names):
        outcome = Outcome.HANG_COLLECTIVE
    elif _IO_WORDS.search(names):
        outcome = Outcome.HANG_IO
    fact = Fact("stack", f"the main thread is blocked in {place}, in a call that leaves no frame")
    also = [o for o in _ANY_HANG if o is not outcome]
    if main.active is None:
        also.append(Outcome.HANG_SPIN)
    return Hang(outcome, 0.4, (fact,), tuple(also))
