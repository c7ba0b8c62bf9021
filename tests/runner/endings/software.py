"""What Python, its libraries, its data and its numbers say."""

from __future__ import annotations

WORDINGS: dict[str, list[str]] = {
    "error.dependency": [
        "ModuleNotFoundError: No module named 'timm'",
        "ImportError: cannot import name 'container_abcs' from 'torch._six' (/v/torch/_six.py)",
        "ImportError: /v/torchvision/_C.so: undefined symbol: _ZN2at4_ops5zeros4callE",
        "ImportError: /lib/x86_64-linux-gnu/libstdc++.so.6: version `GLIBCXX_3.4.29' not found (required"
        " by /v/scipy/x.so)",
        "ImportError: /lib64/libc.so.6: version `GLIBC_2.27' not found (required by /v/torch/libtorch)",
        "OSError: libcudart.so.11.0: cannot open shared object file: No such file or directory",
        "ImportError: libgomp-d22c30c5.so.1: cannot allocate memory in static TLS block",
        "ImportError: DLL load failed while importing _C: The specified module could not be found.",
        'OSError: [WinError 126] The specified module could not be found. Error loading "c10.dll"',
        "AttributeError: module 'numpy' has no attribute 'bool'.",
        "AttributeError: module 'torch' has no attribute 'compile'",
        "AttributeError: module 'torch.distributed' has no attribute 'ReduceOp2'",
        "AttributeError: module 'collections' has no attribute 'Mapping'",
        "AttributeError: module 'PIL.Image' has no attribute 'ANTIALIAS'",
        "AttributeError: partially initialized module 'torch' has no attribute 'nn' (most likely due to"
        " a circular import)",
        "ValueError: numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C "
        "header, got 88 from PyObject",
        "RuntimeError: module compiled against API version 0x10 but this version of numpy is 0xe",
        "RuntimeError: Numpy is not available",
        "RuntimeError: operator torchvision::nms does not exist",
        "RuntimeError: Couldn't load custom C++ ops. This can happen if your PyTorch and torchvision "
        "versions are incompatible, or if you had errors while compiling torchvision from source.",
        "NotImplementedError: Could not run 'torchvision::nms' with arguments from the 'CUDA' backend. "
        "This could be because the operator doesn't exist for this backend",
        "RuntimeError: Detected that PyTorch and torchvision were compiled with different CUDA major "
        "versions. PyTorch has CUDA Version=12.1 and torchvision has CUDA Version=11.8.",
        "RuntimeError: \nThe detected CUDA version (12.4) mismatches the version that was used to "
        "compile\nPyTorch (11.8). Please make sure to use the same CUDA versions.",
        "RuntimeError: cuDNN version incompatibility: PyTorch was compiled  against (8, 3, 2) but found "
        "runtime version (8, 2, 4).",
        "Could not load library libcudnn_cnn_infer.so.8. Error: libnvrtc.so: cannot open shared object "
        "file: No such file or directory",
        "Unable to load any of {libcudnn_engines_precompiled.so.9.1.0, libcudnn_engines_precompiled.so"
        "}",
        "AssertionError: Torch not compiled with CUDA enabled",
        "TypeError: Descriptors cannot not be created directly.\nIf this call came from a _pb2.py file, "
        "your generated code is out of date and must be regenerated with protoc >= 3.19.0.",
        "pkg_resources.DistributionNotFound: The 'tqdm>=4.27' distribution was not found and is "
        "required by transformers",
        "pkg_resources.ContextualVersionConflict: (numpy 1.21.0, Requirement.parse('numpy>=1.22'))",
        "importlib.metadata.PackageNotFoundError: No package metadata was found for bitsandbytes",
        "ImportError: tokenizers>=0.14,<0.19 is required for a normal functioning of this module, but "
        "found tokenizers==0.13.3.",
        "RuntimeError: Error building extension 'fused_adam'",
        "OSError: CUDA_HOME environment variable is not set. Please set it to your CUDA install root.",
        "RuntimeError: Ninja is required to load C++ extensions",
        "RuntimeError: Dynamo is not supported on Python 3.12+",
        "RuntimeError: Cannot find a working triton installation. Either the package is not installed or"
        " it is too old.",
        "python: error while loading shared libraries: libpython3.9.so.1.0: cannot open shared object "
        "file: No such file or directory",
    ],
    "error.data": [
        "ValueError: cannot reshape array of size 12 into shape (5,)",
        "ValueError: Object arrays cannot be loaded when allow_pickle=False",
        "ValueError: Cannot load file containing pickled data when allow_pickle=False",
        "OSError: Failed to interpret file 'x.npy' as a pickle",
        "EOFError: No data left in file",
        "EOFError: Ran out of input",
        "ValueError: EOF: reading array data, expected 262144 bytes got 89872",
        "ValueError: EOF: reading magic string, expected 8 bytes got 0",
        "ValueError: mmap length is greater than file size",
        "ValueError: the magic string is not correct; expected b'\\x93NUMPY', got b'version '",
        "_pickle.UnpicklingError: pickle data was truncated",
        "_pickle.UnpicklingError: invalid load key, '\\x00'.",
        "RuntimeError: PytorchStreamReader failed reading zip archive: failed finding central directory",
        "RuntimeError: PytorchStreamReader failed reading file data/3: file read failed",
        "RuntimeError: [enforce fail at inline_container.cc:145] . PytorchStreamReader failed reading "
        "zip archive: not a ZIP archive",
        "RuntimeError: unexpected EOF, expected 2949 more bytes. The file might be corrupted.",
        "RuntimeError: Invalid magic number; corrupt file?",
        "RuntimeError: storage has wrong size: expected 4096 got 1024",
        "safetensors_rust.SafetensorError: Error while deserializing header: HeaderTooLarge",
        "safetensors_rust.SafetensorError: Error while deserializing header: MetadataIncompleteBuffer",
        "zipfile.BadZipFile: File is not a zip file",
        "zipfile.BadZipFile: Bad CRC-32 for file 'arr_0.npy'",
        "gzip.BadGzipFile: Not a gzipped file (b'PK')",
        "OSError: Not a gzipped file (b'PK')",
        "zlib.error: Error -3 while decompressing data: invalid distance too far back",
        "_lzma.LZMAError: Corrupt input data",
        "EOFError: Compressed file ended before the end-of-stream marker was reached",
        "tarfile.ReadError: unexpected end of data",
        "tarfile.ReadError: not a gzip file",
        "PIL.UnidentifiedImageError: cannot identify image file <_io.BytesIO object at 0x7f1>",
        "OSError: cannot identify image file '/d/3.jpg'",
        "OSError: image file is truncated (12 bytes not processed)",
        "OSError: broken data stream when reading image file",
        "OSError: unrecognized data stream contents when reading image file",
        "SyntaxError: broken PNG file (chunk b'\\x00\\x00\\x00\\x00')",
        "cv2.error: OpenCV(4.5.5) /io/opencv/modules/imgproc/src/color.cpp:182: error: (-215:Assertion "
        "failed) !_src.empty() in function 'cvtColor'",
        "OSError: Unable to open file (file signature not found)",
        "OSError: Unable to synchronously open file (truncated file: eof = 2048, sblock->base_addr = 0, "
        "stored_eof = 8388608)",
        "OSError: Can't read data (inflate() failed)",
        "pyarrow.lib.ArrowInvalid: Parquet magic bytes not found in footer. Either the file is corrupted"
        " or this is not a parquet file.",
        "pandas.errors.EmptyDataError: No columns to parse from file",
        "pandas.errors.ParserError: Error tokenizing data. C error: Expected 3 fields in line 9, saw 5",
        "json.decoder.JSONDecodeError: Unterminated string starting at: line 1 column 77 (char 76)",
        "UnicodeDecodeError: 'utf-8' codec can't decode byte 0x89 in position 0: invalid start byte",
        "struct.error: unpack requires a buffer of 4 bytes",
        "lmdb.InvalidError: /d/train.lmdb: MDB_INVALID: File is not an LMDB file",
        "lmdb.CorruptedError: mdb_get: MDB_CORRUPTED: Located page was wrong type",
        "sqlite3.DatabaseError: file is not a database",
        "sqlite3.DatabaseError: database disk image is malformed",
        "soundfile.LibsndfileError: Error opening 'a.flac': Format not recognised.",
        "av.error.InvalidDataError: [Errno 1094995529] Invalid data found when processing input: "
        "'a.mp4'",
        "tensorflow.python.framework.errors_impl.DataLossError: corrupted record at 12 [Op:"
        "IteratorGetNext]",
        "ValueError: Unknown mat file type, version 0, 0",
        "ValueError: buffer size must be a multiple of element size",
        "fwi.errors.DataError: data/Style_A/seis2_1_0.npy: expected shape (500, 5, 1000, 70), found "
        "(500, 5, 1000, 69)",
    ],
    "error.nan": [
        "RuntimeError: Function 'PowBackward0' returned nan values in its 0th output.",
        "RuntimeError: Function 'LogSoftmaxBackward' returned nan values in its 0th output.",
        "RuntimeError: probability tensor contains either `inf`, `nan` or element < 0",
        "RuntimeError: invalid multinomial distribution (encountering probability entry < 0)",
        "ValueError: The parameter loc has invalid values",
        "ValueError: Expected parameter logits (Tensor of shape (2, 3)) of distribution Categorical("
        "logits: torch.Size([2, 3])) to satisfy the constraint IndependentConstraint(Real(), 1), but "
        "found invalid values:\ntensor([[nan, nan, nan],\n        [nan, nan, nan]])",
        "ValueError: Expected value argument (Tensor of shape (4,)) to be within the support (Real()) of"
        " the distribution Normal(), but found invalid values:\ntensor([nan, 1., 2., 3.])",
        "RuntimeError: The total norm of order 2.0 for gradients from `parameters` is non-finite, so it "
        "cannot be clipped. To disable this error and scale the gradients by the non-finite norm anyway,"
        " set `error_if_nonfinite=False`",
        "FloatingPointError: Minimum loss scale reached (0.0001). Your loss is probably exploding. Try "
        "lowering the learning rate, using gradient clipping or increasing the batch size.",
        "FloatingPointError: Loss became infinite or NaN at iteration=19!\nloss_dict = {'loss_cls': nan}",
        "FloatingPointError: Predicted boxes or scores contain Inf/NaN. Training has diverged.",
        "Exception: Current loss scale already at minimum - cannot decrease scale anymore. Exiting run.",
        "ValueError: The loss returned in `training_step` is nan or inf.",
        "ValueError: Detected nan and/or inf values in `layer.weight`. Check your forward pass for "
        "numerically unstable operations.",
        "AssertionError: loss is nan at step 77",
        "RuntimeError: Loss is NaN",
        "AssertionError: NaN loss",
        "ValueError: Input contains NaN, infinity or a value too large for dtype('float32').",
        "ValueError: Input X contains NaN.",
        "ValueError: array must not contain infs or NaNs",
        "ValueError: matrix contains invalid numeric entries",
        "ValueError: cannot convert float NaN to integer",
        "torch._C._LinAlgError: linalg.eigh: The algorithm failed to converge because the input matrix "
        "contained non-finite values.",
        "Loss is nan, stopping training",
        "loss is nan, stopping training\n{'loss_classifier': nan}",
        "tensorflow.python.training.basic_session_run_hooks.NanLossDuringTrainingError: NaN loss during "
        "training.",
        "RuntimeError: gradient norm is nan",
        "ERROR | loss went to NaN at step 4100; aborting",
        "fwi.errors.NonFiniteError: loss is nan at step 12",
        "AssertionError: Model diverged with loss = NaN",
    ],
    "error.python": [
        "KeyError: 'nan_loss'",
        "KeyError: 'memory'",
        "IndexError: list index out of range",
        "RuntimeError: Expected all tensors to be on the same device, but found at least two devices, "
        "cuda:0 and cpu!",
        "RuntimeError: The size of tensor a (70) must match the size of tensor b (72) at non-singleton "
        "dimension 3",
        "RuntimeError: one of the variables needed for gradient computation has been modified by an "
        "inplace operation: [torch.FloatTensor [3]] is at version 2; expected version 1 instead.",
        "RuntimeError: Trying to backward through the graph a second time",
        "RuntimeError: shape '[2, 3]' is invalid for input of size 7",
        "TypeError: unsupported operand type(s) for +: 'int' and 'str'",
        "TypeError: forward() got an unexpected keyword argument 'mask'",
        "AttributeError: 'NoneType' object has no attribute 'shape'",
        "AttributeError: module 'mymodel' has no attribute 'build'",
        "NameError: name 'torch' is not defined",
        "UnboundLocalError: local variable 'loss' referenced before assignment",
        "AssertionError",
        "AssertionError: expected 3 channels, got 4",
        "ZeroDivisionError: division by zero",
        "FileNotFoundError: [Errno 2] No such file or directory: 'config.yaml'",
        "PermissionError: [Errno 13] Permission denied: '/root/out'",
        'NotImplementedError: Module [UNet] is missing the required "forward" function',
        "RuntimeError: Error(s) in loading state_dict for UNet:\n\tMissing key(s) in state_dict: "
        '"head.weight". \n\tsize mismatch for stem.0.weight: copying a param with shape',
        "RuntimeError: Given groups=1, weight of size [32, 5, 3, 3], expected input[1, 3, 70, 70] to "
        "have 5 channels, but got 3 channels instead",
        "RuntimeError: Trying to resize storage that is not resizable",
        "ValueError: Expected input batch_size (32) to match target batch_size (31).",
        "IndexError: Target 7 is out of bounds.",
        "RuntimeError: expected scalar type Half but found Float",
        "RuntimeError: \"slow_conv2d_cpu\" not implemented for 'Half'",
        "RuntimeError: Cannot re-initialize CUDA in forked subprocess. To use CUDA with multiprocessing,"
        " you must use the 'spawn' start method",
        "_pickle.PicklingError: Can't pickle <function <lambda> at 0x7f>: attribute lookup failed",
        "AttributeError: Can't pickle local object 'main.<locals>.collate'",
        "RecursionError: maximum recursion depth exceeded while calling a Python object",
        "AssertionError: No inf checks were recorded for this optimizer.",
        "omegaconf.errors.ConfigAttributeError: Key 'lr' is not in struct",
        "yaml.scanner.ScannerError: mapping values are not allowed here",
        "StopIteration",
        "ValueError: num_samples should be a positive integer value, but got num_samples=0",
        "RuntimeError: CUDA error: invalid configuration argument",
        "requests.exceptions.HTTPError: 404 Client Error: Not Found for url: https://x/y",
        "SystemError: <built-in function imread> returned NULL without setting an error",
        "train.py: error: unrecognized arguments: --batch 3",
        '  File "train.py", line 3\n    x = = 2\n        ^\nSyntaxError: invalid syntax',
        "MyError",
        "torch.jit.Error: The following operation failed in the TorchScript interpreter.",
    ],
}
