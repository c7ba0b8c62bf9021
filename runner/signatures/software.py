"""Words about libraries that are missing or do not fit one another."""

from __future__ import annotations

from runner.outcomes import Outcome as O
from runner.signatures.signature import ending

_LIBRARIES = (
    r"(?:torch|torchvision|torchaudio|numpy|scipy|collections|PIL|pandas|sklearn|cv2|inspect|pkgutil"
    r"|transformers|timm|lightning|pytorch_lightning|jax|tensorflow|keras|distutils|ssl|typing|asyncio"
    r"|importlib|matplotlib|numba|h5py|triton|apex|deepspeed|accelerate|datasets|six|attr|yaml|time)"
)

SOFTWARE = (
    ending(
        O.ERROR_DEPENDENCY,
        r"ModuleNotFoundError|^(?:[\w.]+\.)?ImportError\b|No module named |undefined symbol",
        r"GLIBC(?:XX)?_[\d.]+\S? not found|version `\S+' not found|cannot open shared object file",
        r"DLL load failed|WinError 12[67]\]|Library not loaded|[Ss]ymbol not found",
        r"operator \S+ does not exist|Could not run 'torchvision::|Couldn't load custom C\+\+ ops",
        r"compiled with different CUDA|Torch not compiled with CUDA",
        r"not compiled with (?:CUDA|MPS|NCCL|XPU)|partially initialized module",
        r"_ARRAY_API not found|[Nn]umpy is not available",
        r"numpy\.(?:dtype|ufunc|ndarray) size changed|binary incompatib|compiled using NumPy 1",
        r"compiled against (?:NumPy C-)?API version|not found in the system path",
        r"Can't locate \S+ in @INC|DistributionNotFound|VersionConflict|PackageNotFoundError",
        r"requires (?:numpy|torch|Python)\b.{0,20}[<>=]|is required for a normal functioning",
        r"Descriptors cannot (?:not )?be created directly|detected CUDA version .* mismatches",
        r"cuDNN version incompatibility|Could not load library lib|Unable to load any of \{",
        r"Error building extension|CUDA_HOME (?:environment variable is not set|does not exist)|MissingCUDAException|Ninja is required",
        r"Dynamo is not supported on Python|working triton installation",
        r"Python 3\.\d+\+? not yet supported for torch|[Ff]ailed to find (?:a )?C compiler",
        r"command not found|^(?:\S*/)?env: .*No such file or directory|executable file not found in"
        r"|error while loading shared libraries",
        r"incompatible with (?:the )?(?:installed|this) \w+|compiled without NumPy support",
        r"nvcc fatal|CUDNN_STATUS_VERSION_MISMATCH|Unsupported gpu architecture",
        r"OSError: Could not find/load shared object|package doesn't have \w+ built in",
        r"was removed in (?:the )?NumPy|CUDA Setup failed|No working C\+\+ compiler|dummy base class",
        r"No such file or directory: '(?:\S*/)?(?:nvcc|ninja|gcc|g\+\+|cc|c\+\+|clang(?:\+\+)?|cmake|ptxas"
        r"|ffmpeg)'",
        r"^SystemError: initialization of \w+ failed|^NameError: name '_C' is not|MKL_THREADING_LAYER=",
        r"compiled against ABI version|[Nn]umba needs NumPy|Cannot load (?:neither )?lib\S+\.so",
        r"No matching distribution found|conflicting dependencies|ResolutionImpossible",
        r"Could not find a version that satisfies|PackagesNotFoundError|Unsatisfiable\w*Error"
        r"|ResolvePackageNotFound|No solution found when resolving|version solving failed",
        r"externally-managed-environment|execve\(\): .{0,200}: No such file or directory",
        r"Exec format error|cannot execute binary file|incompatible architecture",
        r"OMP: Error #15|\w::\w+ does not exist|module 'lib' has no attribute",
        r"'_OpNamespace' '\w+' object has no attribute",
        r"Could not run '\w+::\S+' with arguments from the '(?:CUDA|MPS|XPU|HIP|HPU|XLA|NPU|MTIA)'",
    ),
    ending(
        O.ERROR_DEPENDENCY,
        rf"(?:partially initialized )?module '{_LIBRARIES}(?:\.[\w.]*)?' has no attribute",
    ),
)
