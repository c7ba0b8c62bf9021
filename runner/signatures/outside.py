"""Words about an end that came from outside, and about workers that died.

What a launcher or a shell says of a child's signal is in :mod:`runner.signatures.deaths`.
"""

from __future__ import annotations

from runner.outcomes import Outcome as O
from runner.signatures.signature import Rank, ending

OUTSIDE = (
    ending(
        O.TIMEOUT,
        r"DUE TO TIME LIMIT|job killed: walltime|TERM_(?:RUNLIMIT|CPULIMIT)|\bDeadlineExceeded\b",
        r"walltime .{0,40}exceeded limit|active longer than specified deadline",
        r"CPU time limit exceeded|[Rr]un time limit (?:exceeded|reached)",
        r"[Tt]ime limit (?:exceeded|reached)|\bState ?: ?TIMEOUT\b|run time limit\.$",
        r"job hard limit \"?[hs]_(?:rt|cpu)\b|[Ee]xceeded (?:the )?allowed (?:execution|job) duration",
        r"[Ee]xceeded (?:the |its )?(?:hard |soft )?(?:(?:run ?)?time ?limit|wall ?(?:clock ?)?time)\b",
        rank=Rank.SYSTEM,
    ),
    # srun ends a step whose task has failed by itself.
    ending(
        O.INTERRUPTED,
        r"\bSTEP \S+ ON \S+ CANCELLED AT (?!.*DUE TO)",
        near=r"srun: error: [^\n]*tasks? [^\n]*: (?:Exited with exit code|Out Of|Segm|Bus|Abort)"
        r"|srun: Terminating",
        rank=Rank.SYMPTOM,
    ),
    ending(O.INTERRUPTED, r"CANCELLED AT (?!.*DUE TO)", rank=Rank.ENDED),
    ending(
        O.INTERRUPTED,
        r"CANCELLED AT|DUE TO (?:PREEMPTION|NODE FAILURE)|TERM_OWNER|TERM_PREEMPT",
        r"\bState ?: ?(?:CANCELLED|PREEMPTED|NODE_FAIL)\b|Reason:\s+(?:Preempt|Evict)\w*",
        r"(?:was|been) preempted\b",
        r"spot instance.{0,40}interrupt|\bPreempted by|job killed: (?:qdel|deleted)",
        r"TerminationByKubernetes|DisruptionTarget",
        rank=Rank.SYSTEM,
    ),
    # The shell's word for a job that was stopped, and the kernel's for one that waits in it.
    ending(
        O.HANG_STOPPED, r"^\[\d+\][+-]? {1,3}(?:\d+ )?(?:Stopped|suspended)\b", r"^zsh: suspended\b"
    ),
    ending(O.HANG_IO, r"INFO: task \S+:\d+ blocked for more than \d+ seconds"),
    ending(
        O.INTERRUPTED,
        r"^KeyboardInterrupt\b|SignalException: Process \d+ got signal: (?:1|2|3|15)\b",
        r"got signal: SIG(?:INT|TERM|HUP)|killed by signal: Interrupt|^Aborted!$|^\^C",
        r"hit ctrl-c again|[Kk]eyboard ?[Ii]nterrupt (?:received|detected)",
        r"[Dd]etected [Kk]eyboard ?[Ii]nterrupt",
        r"Received [\w.]+ death signal|Ctrl ?[+-] ?C (?:detected|pressed|received)|^(?:\w+\.)*(?:SIGTERM|SigTerm|Preempt)\w*Exception\b",
        r"(?:process|launcher|job|[Hh]andler|trainer|[Ww]orker)\b.{0,30} received (?:SIGINT|SIGTERM|SIGHUP)\b",
        r"(?:[Rr]eceived|[Cc]aught) (?:signal )?(?:SIGINT|SIGTERM|SIGHUP|signal (?:2|15"
        r"|1))\b.{0,40}(?:exit|stop|shut|terminat|abort|$)",
    ),
    # A worker's death; the most specific first. A full /dev/shm stands among the words of storage.
    ending(
        O.CRASH_SEGV, r"killed by signal: Segmentation|[Uu]nexpected segmentation fault encountered"
    ),
    ending(
        O.OOM_HOST_REFUSED,
        r"DataLoader worker.*killed by signal: .*[Oo]ut of memory",
    ),
    ending(
        O.CRASH_WORKER,
        r"DataLoader worker \(pid.{0,200}\) is killed by signal: (?:Killed|Unknown)",
        rank=Rank.SYMPTOM,
        also=[O.OOM_HOST_WORKER],
    ),
    ending(
        O.CRASH_WORKER,
        r"DataLoader worker \(pid.{0,200}\) is killed by signal: Terminated",
        rank=Rank.SYMPTOM,
        also=[O.INTERRUPTED],
    ),
    ending(
        O.CRASH_WORKER,
        r"DataLoader worker \(pid.{0,4000}\) (?:is killed by signal|exited unexpectedly)",
        r"[Pp]in memory thread exited unexpectedly|WorkerCrashedError|worker died or was killed",
        rank=Rank.SYMPTOM,
        also=[O.OOM_HOST_WORKER],
    ),
    # The C library found its heap destroyed by a wild write: the same mistake as behind SIGSEGV.
    ending(
        O.CRASH_SEGV,
        r"\b(?:free|malloc|realloc|munmap_chunk|malloc_consolidate|calloc|tcache\w*)\(\): "
        r"(?!out of memory)[a-z]",
        r"\bcorrupted (?:size vs|double-linked list)|\bdouble free or corruption \(",
        r"stack smashing detected|glibc detected \*\*\*",
        r"\*\*\* Error in `.{0,200}(?:free|malloc|corrupt)|buffer overflow detected",
        also=[O.CRASH_ABORT],
        is_heap=True,
    ),
)
