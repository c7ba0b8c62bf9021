"""Words about input that is missing, cut off or not what it should be."""

from __future__ import annotations

from runner.outcomes import Outcome as O
from runner.signatures.signature import Rank, ending

_READS_ARRAYS = (
    r"npyio|_format_impl|lib/format\.py|read_array|fromfile|frombuffer|memmap|np\.load|numpy\.load"
)
_UNPICKLES = (
    r"pickle|torch/serialization|npyio|np\.load|torch\.load|joblib|in load\b|unpickler|_legacy_load"
)
_READS_DATA = (
    r"PIL/Image|torchvision|npyio|pandas|h5py|torch/serialization|imageio|soundfile|torchaudio"
    r"|rasterio|zarr|pyarrow|lmdb|safetensors|tifffile|nibabel|cv2"
)
_RAISED = r"^(?:\w+\.)*(?:[A-Z]\w*|error): "
_SAID = rf"(?!(?:Key|Attribute|Name|Type)Error){_RAISED}"
"""In words of the program's own, not the name of something."""
_SUFFIX = (
    r"\.(?:npy|npz|pt|pth|ckpt|safetensors|h5|hdf5|mat|jpe?g|png|tiff?|bin|dat|tar|zip|gz|parquet"
    r"|arrow|lmdb|wav|flac|mp4|pkl|pickle|tfrecord|segy|sgy|raw|zst)['\"]?"
)

DATA = (
    # An answer was asked for, and nobody was there to give it.
    ending(O.ERROR_PYTHON, r"^EOFError: EOF when reading a line", also=[O.ERROR_DATA]),
    ending(
        O.ERROR_DATA,
        rf"^(?:\w+\.)*FileNotFoundError: .*{_SUFFIX}\s*$|^(?:\w+\.)*DataError\b",
    ),
    ending(
        O.ERROR_DATA, r"^(?:\w+\.)*FileNotFoundError\b", near=_READS_DATA, also=[O.ERROR_PYTHON]
    ),
    ending(
        O.ERROR_PYTHON,
        r"Weights only load failed.*[Uu]nsupported global",
        r"WeightsUnpickler error: Unsupported (?:global|class)",
        also=[O.ERROR_DATA],
    ),
    # What llama.cpp's Python says of any reason, which its own lines above tell.
    ending(
        O.ERROR_DATA,
        r"Failed to load model from file",
        rank=Rank.SYMPTOM,
        also=[O.ERROR_PYTHON],
    ),
    ending(
        O.ERROR_DATA,
        r"Failed to read all data for array|UnpicklingError|[Pp]ickle data was truncated",
        r"Ran out of input|invalid load key|[Ff]ailed to interpret file|allow_pickle=False",
        r"No data left in file|EOF: reading (?:array data|magic string|array header)",
        r"magic string is not correct|NotAnNpy|mmap length is greater",
        r"buffer (?:is smaller than requested|size must be a multiple)|cannot mmap an empty",
        r"PytorchStreamReader failed|failed finding central directory|not a ZIP archive",
        r"unexpected EOF|[Ii]nvalid magic number|might be corrupted",
        r"archive is corrupted|Safetensor\w*Error|HeaderTooLarge|HeaderTooSmall|InvalidHeader",
        r"MetadataIncompleteBuffer|BadZipFile|Bad CRC-32|BadGzipFile|[Nn]ot a gzip(?:ped)? file",
        r"[Nn]ot a (?:zip|bzip2|lzma|tar) file|CRC(?:-?32)? check failed",
        r"[Cc]hecksum (?:mismatch|error)|zlib\.error|[Zz]lib.*decompress|LZMAError",
        r"[Cc]orrupt(?:ed)? (?:input|data|file|record|block|JPEG|image|deflate|archive|zip)",
        r"ended before the end-of-stream marker|tarfile\.\w*Error",
        r"unexpected end of (?:data|file|archive)|UnidentifiedImageError|cannot identify image",
        r"image file is truncated|(?:broken|unrecognized) data stream|broken PNG file",
        r"DecompressionBombError|!_src\.empty\(\)|!buf\.empty\(\)|libpng error|Not a JPEG file",
        r"[Uu]nable to (?:synchronously )?open (?:file|object)|truncated file|[Ff]ile is truncated",
        r"file signature not|[Cc]an't (?:synchronously )?read data|Parquet (?:magic|file)",
        r"not a [Pp]arquet file|ArrowInvalid|Not an Arrow file|EmptyDataError|ParserError",
        r"Error tokenizing data|JSONDecodeError|UnicodeDecodeError",
        r"^(?:\w+\.)*struct\.error: unpack|MDB_(?:INVALID|CORRUPTED)|lmdb\.(?:Invalid|Corrupted)",
        r"file is not a database|disk image is malformed|LibsndfileError|Format not recognised",
        r"Invalid data found when|moov atom not found|DataLossError|corrupted record",
        r"truncated record|Unknown mat file type|MatReadError|^EOFError: \S|premature end",
        r"could not read (?:bytes|header)|[Ff]ailed to open the input",
        r"Unterminated string starting at|is not a valid (?:image|npy|hdf5|zip|tiff|safetensors)",
        r"not a TIFF|Not a HDF5|Wrong magic|bad magic number in|does not start with RIFF",
        r"contains pickled \(object\) data|could not convert string .{0,200} at row \d+",
        r"\((?:line|Line #?)\s?\d+.{0,20}got \d+ columns instead of|Invalid data stream",
        # The class, whatever the format and the library.
        r"^(?:\w+\.)+\w*(?:Decode|Decod|Decompress\w*|Checksum|Corrupt\w*|Truncat\w*|ImageFile|Zstd"
        r"|LZ4\w*|RasterioIO|DatasetGeneration|NonMatching\w+|PathNotFound|GroupNotFound|PageNotFound)"
        r"(?:Error|Exception)\b|DataFilesNotFoundError|ElementTree\.ParseError",
        rf"{_RAISED}.*\b(?:[Cc]orrupt(?:ed|ion)?|[Tt]runcated|[Bb]ad magic)\b",
        rf"{_RAISED}.*\b(?:[Cc]hecksum|[Hh]ash(?: value)?|CRC|MD5|md5|sha256)\b.{{0,60}}"
        r"\b(?:mismatch|not match|invalid|expected|fail\w*|!=)",
        rf"{_RAISED}.*\b(?:[Uu]nknown|[Uu]nrecogni[sz]ed|[Uu]nsupported) (?:file|image|data|audio|video)"
        r" ?(?:format|type)\b",
        rf"{_RAISED}.*\b(?:not|isn't) (?:a|an) (?:valid |recogni[sz]ed )?"
        r"(?:PNG|JPE?G|image|TIFF|GIF|WAV|FLAC|HDF5?|NetCDF|SEG-?Y|[Pp]arquet|[Zz]ip|archive)\b",
        r"(?:in an|[Uu]nknown) (?:unknown )?(?:file )?format\b|file type of \"|NetCDF: |MDB_\w+: ",
        r"storage has wrong (?:byte )?size|deserialize thrift|inconsistent with (?:the )?file size",
        r"[Cc]ouldn't find any (?:data|class)|[Ff]ound (?:0|no valid) (?:files?|images?|samples?)\b",
        r"could not find a format to read|Unable to load weights from .{0,40}checkpoint file",
        r"^ValueError: Expected object or value|!ssize\.empty\(\)|Empty file: ",
        r"^lmdb\.Error: .*No such file",
        rf"{_SAID}.*\b[Tt]oo (?:little|few) (?:data|bytes|traces)\b",
        rf"{_SAID}.*\b(?:[Dd]ata ?set|[Dd]ata(?: ?loader| folder| directory)?|[Mm]anifest) (?:is|was)"
        r" empty\b|^(?:\w+\.)*\w+: [Ee]mpty (?:[Dd]ata ?set|input file|data folder)\b",
        rf"{_SAID}.*\b[Nn]o (?:\w+ )?(?:files?|images?|samples?|shards?|records?|traces?|gathers?)"
        r" (?:were |was |are |could be )?(?:match\w*|found|left to read)\b",
        r"^(?:wave|aifc|sunau|_csv|csv|tokenize|netCDF4|rasterio\.errors\.\w+)\.?\w*Error\b",
    ),
    ending(
        O.ERROR_DATA,
        r"could not read \d+|array is too big|[Ii]nvalid header|Some errors were detected",
        r"Header\w* is corrupt",
        near=_READS_ARRAYS,
        also=[O.ERROR_PYTHON],
    ),
    # NumPy's words: tensors have their own for it, so it is what was read that is too short.
    ending(O.ERROR_DATA, r"cannot reshape array of size", also=[O.ERROR_PYTHON]),
    ending(
        O.ERROR_DATA,
        r"^OSError: \[Errno 22\] Invalid argument\s*$|^RuntimeError: \[enforce fail at",
        near=r"torch/serialization\.py[^\n]* in (?:_?load|_legacy_load|__init__|_is_zipfile)",
    ),
    ending(
        O.ERROR_DATA,
        r"could not convert string to float|invalid literal for int\(\)",
        near=r"csv|loadtxt|genfromtxt|readline|\.split\(|pandas|npyio|DictReader",
        also=[O.ERROR_PYTHON],
    ),
    ending(O.ERROR_DATA, r"^EOFError\s*:?\s*$", near=_UNPICKLES, also=[O.ERROR_PYTHON]),
    # A text file that is not there may be a setting as well as data.
    ending(O.ERROR_PYTHON, r"^(?:\w+\.)*FileNotFoundError\b", also=[O.ERROR_DATA]),
)
