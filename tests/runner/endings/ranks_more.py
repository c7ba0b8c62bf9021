"""More of what collectives say."""

from __future__ import annotations

WORDINGS: dict[str, list[str]] = {
    "error.collective": [
        "torch.distributed.DistBackendError: NCCL error in: "
        "/pytorch/torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:3384, unhandled system error "
        "(run with NCCL_DEBUG=INFO for details), NCCL version 2.25.1\nncclSystemError: System "
        "call (e.g. socket, malloc) or external library call failed or device error.\nLast "
        "error:\nsocketPollConnect: connect returned Connection timed out, exceeded error retry "
        "count (35)",
        "torch.distributed.DistBackendError: NCCL error in: "
        "../torch/csrc/distributed/c10d/NCCLUtils.cpp:77, invalid usage (run with "
        "NCCL_DEBUG=WARN for details), NCCL version 2.21.5\nncclInvalidUsage: This usually "
        "reflects invalid usage of NCCL library.\nLast error:\nDuplicate GPU detected : rank 0 "
        "and rank 1 both on CUDA device 1b000",
        "torch.distributed.DistBackendError: NCCL error in: x.cpp:2, remote process exited or "
        "there was a network error, NCCL version 2.19.3\nncclRemoteError: A call failed "
        "possibly due to a network error or a remote process exiting prematurely.\nLast error:\n"
        "socketProgress: Connection closed by remote peer gpu2<40210>",
        "RuntimeError: NCCL communicator was aborted on rank 3.",
        "RuntimeError: [../third_party/gloo/gloo/transport/tcp/pair.cc:534] Connection closed "
        "by peer [10.1.0.7]:4455",
        "RuntimeError: [../third_party/gloo/gloo/transport/tcp/pair.cc:799] connect "
        "[127.0.1.1]:60214: Connection refused",
        "RuntimeError: [../third_party/gloo/gloo/transport/tcp/pair.cc:845] connect "
        "[127.0.1.1]:60214: No route to host",
        "RuntimeError: [enforce fail at "
        "/pytorch/third_party/gloo/gloo/transport/tcp/device.cc:83] ifa != nullptr. Unable to "
        "find address for: ib0",
        "RuntimeError: Rank 0 successfully reached monitoredBarrier, but received errors while "
        "waiting for send/recv from rank 1. Please check rank 1 logs for faulty rank.",
        "RuntimeError: Detected mismatch between collectives on ranks. Rank 1 is running "
        "collective: CollectiveFingerPrint(SequenceNumber=4, OpType=BARRIER), but Rank 0 is "
        "running collective: CollectiveFingerPrint(SequenceNumber=4, "
        "OpType=ALLREDUCE).Collectives differ in the following aspects: \t Op type: BARRIERvs "
        "ALLREDUCE",
        "RuntimeError: [Rank 1]: Ranks 0 failed to pass monitoredBarrier in 30000 ms",
        "RuntimeError: store->get('0') got error: Socket Timeout",
        "torch.distributed.DistNetworkError: Connection reset by peer",
        "torch.distributed.DistNetworkError: failed to recv, got 0 bytes",
        "torch.distributed.DistStoreError: wait timeout after 300000ms, keys: /worker/group/0",
        "torch.distributed.elastic.rendezvous.api.RendezvousGracefulExitError",
        "torch.distributed.DistNetworkError: The client socket has failed to connect to any "
        "network address of (node-0, 29500). The IPv4 network addresses of (node-0, 29500) "
        "cannot be retrieved (gai error: -2 - Name or service not known).",
        "RuntimeError: NCCL Error 3: internal error - please report this issue to the NCCL "
        "developers",
        "RuntimeError: Broken pipe",
        "RuntimeError: Connection reset by peer",
        "RuntimeError: failed to recv, got 0 bytes",
        "RuntimeError: Timed out initializing process group in store based barrier on rank 1, "
        "for key: store_based_barrier_key:2 (world_size=4, num_workers_joined=3, "
        "timeout=0:10:00 remaining=[])",
        "TimeoutError: Rendezvous timed out",
        "RuntimeError: UCC error: UCC_ERR_TIMED_OUT",
        "torch.distributed.DistBackendError: XCCL error",
        "horovod.common.exceptions.HorovodInternalError: HorovodAllreduce.grad.conv1 failed: "
        "[/tmp/pip/third_party/gloo/gloo/transport/tcp/pair.cc:575] Connection closed by peer "
        "[10.0.0.1]:4",
    ],
}
