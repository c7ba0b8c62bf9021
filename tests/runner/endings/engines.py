"""Words of inference engines, native libraries and job systems, beside torch's."""

from __future__ import annotations

from tests.runner.endings.whole import TRACE

WORDINGS: dict[str, list[str]] = {
    "oom.device.capacity": [
        "Error out of memory at line 93 in file /src/csrc/ops.cu",
        "RuntimeError: Not enough memory. Please try to increase --mem-fraction-static.",
        "Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)",
        "onnxruntime.capi.onnxruntime_pybind11_state.RuntimeException: [ONNXRuntimeError] : 6 : "
        "RUNTIME_EXCEPTION : bfc_arena.cc:376 void* onnxruntime::BFCArena::AllocateRawInternal("
        "size_t, bool) Failed to allocate memory for requested buffer of size 4096\n"
        "providers: ['CUDAExecutionProvider']",
    ],
    "oom.device.foreign": [
        "ValueError: Free memory on device cuda:0 (19.77/22.05 GiB) on startup is less than desired "
        "GPU memory utilization (0.9, 19.84 GiB). Decrease GPU memory utilization or reduce GPU "
        "memory used by other processes.",
    ],
    "oom.host.refused": [
        "<jemalloc>: Error in malloc(): out of memory",
        "Out of memory!",
        "onnxruntime.capi.onnxruntime_pybind11_state.RuntimeException: [ONNXRuntimeError] : 6 : "
        "RUNTIME_EXCEPTION : bfc_arena.cc:376 void* onnxruntime::BFCArena::AllocateRawInternal("
        "size_t, bool) Failed to allocate memory for requested buffer of size 4096",
    ],
    "oom.host.killed": [
        "Job has gone over cgroup memory limit of 32768 megabytes. Last measured usage: 32761 "
        "megabytes.  Consider resubmitting with a higher request_memory.",
        "Job exceeded a memory resource limit (vmem, pvmem, etc.). Job was aborted",
        "job 77 exceeded MEM usage hard limit (2528 > 1126)",
        "failed execd enforced h_vmem limit because:\njob 77.1 died through signal KILL (9).",
        "low memory! at or below SIGTERM limits: mem 10.00%, swap 10.00%",
    ],
    "fault.driver": [
        '"hipErrorNoBinaryForGpu: Unable to find code object for all current devices!"',
        "RuntimeError: HIP error: invalid device function\nHIP kernel errors might be "
        "asynchronously reported at some other API call\nFor debugging consider passing "
        "AMD_SERIALIZE_KERNEL=3\nCompile with `TORCH_USE_HIP_DSA` to enable device-side assertions.",
    ],
    "error.dependency": [
        "Can't locate Some/Module.pm in @INC (you may need to install the Some::Module module)\n"
        "BEGIN failed--compilation aborted at -e line 1.",
        "op_builder.builder.MissingCUDAException: CUDA_HOME does not exist, unable to compile "
        "CUDA op(s)",
    ],
}
ACTOR = (
    TRACE + "ray.exceptions.ActorDiedError: The actor died unexpectedly before finishing this "
    "task.\nThe actor is dead because its worker process has died. Worker exit detail: Worker "
    "unexpectedly exits with a connection error code 2. There are some potential root causes. (1) "
    "The process is killed by SIGKILL by OOM killer due to high memory usage. (2) ray stop --force "
    "is called. (3) The worker is crashed unexpectedly due to SIGSEGV or other unexpected errors."
)
ENDINGS: list[tuple[str, int | None, str]] = [
    # The library tells the reason, what is raised does not.
    ("oom.device.capacity", 1,
     "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 18163.86 MiB on device 0: cudaMalloc "
     "failed: out of memory\nllama_load_model_from_file: failed to load model\n" + TRACE
     + "ValueError: Failed to load model from file: /models/q.gguf"),
    ("error.data", 1, TRACE + "ValueError: Failed to load model from file: /models/q.gguf"),
    # What the program itself asserts of the device.
    ("fault.driver", 1,
     "/x/torch/cuda/__init__.py:141: UserWarning: CUDA initialization: The NVIDIA driver on your "
     "system is too old (found version 11040).\nTraceback (most recent call last):\n"
     '  File "train.py", line 20, in <module>\n    assert torch.cuda.is_available(), "CUDA needed"\n'
     "AssertionError: CUDA needed"),
    # Ray lists what may have been, whatever it was; the worker's own words tell.
    ("crash.segv", 1,
     "(Trainer pid=871) *** SIGSEGV received at time=1718020931 on cpu 11 ***\n"
     "(Trainer pid=871) Fatal Python error: Segmentation fault\n" + ACTOR),
    # A memory daemon ends it with SIGTERM, which a user may do too.
    ("oom.host.killed", 143,
     "step 12 loss 0.3\nlow memory! at or below SIGTERM limits: mem 10.00%, swap 10.00%\nsending "
     'SIGTERM to process 31207 uid 1000 "python": badness 1301, VmRSS 58102 MiB\nTerminated'),
    # A prompt, at which the program waits for a person.
    ("hang.stopped", None,
     "Epoch 1:   3%|3     | 12/400 [00:05<02:41]\n> /home/q/train.py(61)step()\n-> "
     "loss.backward()\n(Pdb) \n"),
]  # fmt: skip
