"""Words about the host's memory: refused, or a process killed for it.

Of a kill speak the kernel, systemd, Slurm, PBS, LSF, Kubernetes, ray and hosts of notebooks.
"""

from __future__ import annotations

from runner.outcomes import Outcome as O
from runner.signatures.signature import Rank, ending

HOST = (
    # A node short of disk says the same of it.
    ending(
        O.ERROR_DISK,
        r"low on resource: (?:ephemeral-storage|nodefs|imagefs|inodes)",
        r"[Ee]phemeral (?:local )?storage (?:usage|limit).{0,60}exceed|exceeds? .{0,60}ephemeral",
        r"Usage of EmptyDir volume .{0,80}exceeds",
        rank=Rank.SYSTEM,
    ),
    # Said of what the job had used once it has ended, of whatever.
    ending(
        O.OOM_HOST_KILLED,
        r"Exceeded (?:job|step) memory limit at some point",
        near=r"DUE TO (?:TIME LIMIT|PREEMPTION|NODE FAILURE)",
        rank=Rank.SYMPTOM,
    ),
    ending(
        O.OOM_HOST_KILLED,
        r"[Oo]ut of memory: Kill(?:ed)? process|\bKill(?:ed)? process \d+,? .{0,80}-rss:|[Mm]emory cgroup out of memory|oom-kill:constraint",
        r"oom_reaper: reaped|invoked oom-killer|[Oo]om[-_ ][Kk]ill event",
        r"Failed with result 'oom-kill'|killed by the (?:cgroup )?(?:OOM|out-of-memory)",
        r"been OOM Killed|\bOOM[- ]?[Kk]illed\b|task \S+: Out Of Memory|\bOUT_OF_MEMORY\b",
        r"OUT_OF_ME\b|Exceeded (?:job|step) memory limit",
        r"(?:Job|Step) \S+ exceeded (?:virtual )?memory limit|job killed: (?:v?mem|pmem|pvmem) ",
        r"TERM_MEMLIMIT|systemd-oomd\[\d+\]: Killed|earlyoom.*sending SIG|low on resource: memory",
        r"(?:killed|evicted) due to memory pressure|node running low on memory|Container killed (?:by YARN|due to memory)",
        # Ray lists this as the first that may have been, of whatever death of a worker.
        r"(?<!\(1\) The process is )killed by SIGKILL by OOM|allocate more memory than is available",
        r"allocated more memory than|using all available RAM",
        r"exceed(?:ed|s|ing) (?:its |the )?(?:container |job |job's )?memory (?:limit|request)s?\b",
        r"exceeded (?:a memory resource limit|MEM usage (?:hard |soft )?limit)",
        r"\b(?:gone|went|is|was) over (?:its |the )?(?:cgroup )?memory limit\b",
        r"(?:job hard limit|enforced) \"?(?:h_vmem|h_rss|h_data|s_vmem|mem\w*|virtual_free)\b",
        r"^low memory! at or below SIG(?:TERM|KILL) limits",
        r"running beyond (?:physical|virtual) memory limits",
        r"memory usage exceeded (?:request_memory|limit)",
        rank=Rank.SYSTEM,
    ),
    ending(
        O.OOM_HOST_KILLED,
        r"A process in the process pool was terminated abruptly|BrokenProcessPool",
        r"A worker process managed by the executor was unexpectedly terminated",
        r"DeadKernelError|[Kk]ernel (?:appears to have )?died\b|KilledWorker|WorkerLostError|ExecutorLost",
        r"ActorDiedError|[Aa]ctor died unexpectedly|workers died while trying to run",
        rank=Rank.SYMPTOM,
        also=[O.CRASH_KILLED, O.CRASH_WORKER, O.CRASH_SEGV],
        is_pool=True,
    ),
    ending(
        O.OOM_HOST_REFUSED,
        r"\[Errno 11\] Resource temporarily unavailable",
        near=r"_posixsubprocess|os\.fork\(|_execute_child|popen_fork",
    ),
    # The loader reports such memory as well, but cannot be helped with memory.
    ending(
        O.ERROR_DEPENDENCY,
        r"cannot allocate memory in static TLS block",
    ),
    ending(
        O.OOM_HOST_REFUSED,
        r"^(?:[\w.]+\.)?_?(?:Array|Arrow)?MemoryError\b|\bstd::bad_alloc\b|bad allocation",
        r"can't allocate memory|[Cc]annot allocate memory",
        r"not enough memory: you tried to (?:m?m?ap|allocate)|\[Errno 12\]|\bENOMEM\b",
        r"\(os error 12\)|posix_memalign\(.*12 vs 0|Insufficient memory",
        r"[Uu]nable to allocate [\d.]+ ?\w*(?: for an array|$)|[Uu]nable to allocate array",
        r"\bstd::length_error|memory allocation of \d+ bytes failed",
        r"[Cc]ould not allocate (?:memory|block|\d)|(?:malloc|realloc) of size \d+ failed",
        r"ArrowMemoryError|memory exhausted|cannot allocate vector|paging file is too small",
        r"WinError 1455|OutOfMemoryException|java\.lang\.OutOfMemoryError",
        r"unable to mmap memory: you tried to mmap",
        r"can't start new thread|pthread_create failed|Thread creation failed|unable to start thread",
        r"fork: (?:retry: )?Resource temporarily unavailable",
        r"OOM when allocating tensor|libgomp: Out of memory|JavaScript heap out of memory",
        r"C error: out of memory|[Mm]emory allocation (?:failed|failure|error)|Memory allocation \(malloc\)",
        r"could not (?:create|execute|initialize) an? .{0,40}: out of memory",
        r"<jemalloc>: Error in \w+\(\): out of memory|^Out of memory!$",
        r"[Ff]ailed to allocate (?:memory|buffer|\d+ bytes)|(?:can't|[Uu]nable to) allocate (?:memory|space|buffer)",
    ),
    # Native code's own words; those of devices were asked before.
    ending(
        O.OOM_HOST_REFUSED,
        r"^(?:\w+\.)*[A-Z]\w*(?:Error|Exception|Failure|Fail)\b.{0,300}(?:: |\()[Oo]ut of memory\b",
        also=[O.OOM_DEVICE_CAPACITY],
    ),
)
