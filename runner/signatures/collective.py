"""Words of ranks that wait for one another: NCCL, gloo, torch's stores and rendezvous, MPI.

A time-out here is what a failure of another rank leads to: it counts where no cause is seen.
"""

from __future__ import annotations

from runner.outcomes import Outcome as O
from runner.signatures.signature import Rank, ending

_COLLECTS = (
    r"torch/distributed|c10d|gloo|nccl|NCCL|init_process_group|TCPStore|torchrun|_utils/Utils\.hpp"
    r"|all_reduce|broadcast|barrier"
)

COLLECTIVE = (
    ending(
        O.ERROR_COLLECTIVE,
        r"Watchdog caught collective operation timeout|\bTimeout at NCCL work",
        r"ran for \d+ milliseconds before timing",
        r"watchdog (?:thread )?(?:got stuck|terminated|timeout)|HeartbeatMonitor",
        r"[Hh]eartbeat monitor timed out|collective timeout",
        r"[Cc]ollective .{0,60}(?:timed out|time-?out)|Some NCCL operations have failed",
        r"watchdog hang|signal dumping|Received a dump signal|flight recorder dump signal",
        r"(?:all_?reduce|all_?gather|broadcast|barrier)\b.{0,60}timed out",
        r"failed to pass monitoredBarrier|monitoredBarrier, but received errors|timed out in monitoredBarrier",
        r"Timed out waiting \d+ ?ms for|Timed out initializing process group",
        r"Timed out after \d+ seconds waiting for clients|[Ss]ocket [Tt]imeout",
        r"client socket has (?:timed out|failed to connect)|wait timeout after \d+ ?ms",
        r"Stop_waiting response|(?:Store|key).{0,60}(?:timed out|time-?out)",
        r"timed out waiting for key|pair closure|connect\(\) timed out",
        r"ProcessGroup\w*(?:::\w+)?\b.{0,60}(?:timed out|timeout|abort)",
        r"Rendezvous\w*(?:Timeout|Closed|Connection|State|Graceful\w+)\w*Error",
        r"[Rr]endezvous.{0,60}(?:timed out|failed|closed)|Barrier .{0,40}timed out",
        rank=Rank.SYMPTOM,
        also=[O.HANG_COLLECTIVE],
    ),
    ending(
        O.ERROR_COLLECTIVE,
        r"nccl(?:Internal|System|Remote|UnhandledCuda|InvalidUsage|InvalidArgument"
        r"|InProgress)\w*\b",
        r"NCCL [Ee]rror|NCCL WARN|NCCL communicator was aborted|NCCL error in",
        r"unhandled (?:system|cuda) error|Dist(?:Backend|Network|Store|)Error\b|DistError",
        r"Connection closed by peer|connectFullMesh failed",
        r"gloo\S*.{0,160}(?:[Ee]nforce|[Ee]xception|timed out|failed|Read error|[Ww]rite error"
        r"|Connect|Broken pipe)",
        r"op\.preamble\.length <= op\.nbytes",
        r"(?:sendBytes|recvValue\w*|recvVector|recvBytes) failed|store->get\(",
        r"[Ww]ait timeout\s*$|appears not to match (?:sizes|strides|the dtype)",
        r"Detected mismatch between collectives|DDP expects same model across all ranks",
        r"Duplicate GPU detected|Rank \d+ (?:failed|reported|is (?:not|missing))",
        r"HorovodInternalError|[Hh]orovod .{0,40}(?:shut ?down|failed)|MPI_ABORT was invoked",
        r"MPI_ERR_\w+|MPI_ERRORS_ARE_FATAL|UCX +ERROR|ibv_\w+ failed|vendor err \d+",
        r"\bUCC_ERR_\w+|oneCCL.{0,80}(?:[Ee]rror|fail)|failed to recv, got \d+ bytes",
        r"Unable to find address for:|Backend \w+ .{0,30}connection .{0,20}lost",
        rank=Rank.SYMPTOM,
    ),
    ending(
        O.ERROR_COLLECTIVE,
        r"Connection reset by peer|Broken pipe|Connection refused|[Cc]onnection was likely closed",
        r"No route to host|Cannot assign requested address|Name or service not known",
        r"Connection timed out",
        near=_COLLECTS,
        rank=Rank.SYMPTOM,
    ),
    # As a RuntimeError they come from the native code of the stores and of gloo.
    ending(
        O.ERROR_COLLECTIVE,
        r"^RuntimeError: (?:Connection (?:timed out|reset by peer|refused)|Broken pipe"
        r"|No route to host)\s*$",
        rank=Rank.SYMPTOM,
    ),
)
