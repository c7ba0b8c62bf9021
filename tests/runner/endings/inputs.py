"""What readers of files say of input that is none."""

from __future__ import annotations

WORDINGS: dict[str, list[str]] = {
    "error.data": [
        "ValueError: Cannot load file containing pickled data when allow_pickle=False",
        "OSError: Unable to open file (unable to open file: name = 'x.h5', errno = 2, error "
        "message = 'No such file or directory', flags = 0, o_flags = 0)",
        "FileNotFoundError: [Errno 2] Unable to synchronously open file (unable to open file: "
        "name = 'x.h5', errno = 2)",
        "KeyError: \"Unable to open object (object 'data' doesn't exist)\"",
        "KeyError: \"Unable to synchronously open object (object 'data' doesn't exist)\"",
        "OSError: Can't synchronously read data (wrong B-tree signature)",
        "RuntimeError: PytorchStreamReader failed locating file data.pkl: file not found",
        "RuntimeError: [enforce fail at inline_container.cc:197] . PytorchStreamReader failed "
        "reading zip archive: invalid header or archive is corrupted",
        "RuntimeError: storage has wrong byte size: expected 9437184 got 2359296",
        "OSError: Unable to load weights from pytorch checkpoint file for "
        "'ckpt/pytorch_model.bin' at 'ckpt/pytorch_model.bin'. If you tried to load a PyTorch "
        "model from a TF 2.0 checkpoint, please set from_tf=True.",
        "safetensors_rust.SafetensorError: Error while deserializing header: "
        "InvalidHeaderDeserialization",
        "safetensors_rust.SafetensorError: Error while deserializing header: header too small",
        "safetensors_rust.SafetensorError: Error while deserializing header: invalid JSON in "
        "header: expected value at line 1 column 1",
        "pandas.errors.ParserError: Error tokenizing data. C error: EOF inside string starting "
        "at row 8",
        "_csv.Error: line contains NUL",
        "csv.Error: field larger than field limit (131072)",
        "UnicodeDecodeError: 'gbk' codec can't decode byte 0xad",
        "json.decoder.JSONDecodeError: Extra data: line 2 column 1 (char 9)",
        "cv2.error: OpenCV(4.5) error: (-215:Assertion failed) !ssize.empty() in function 'resize'",
        "OSError: could not find a format to read the specified file in single-image mode",
        "RuntimeError: Error opening 'a.wav': File contains data in an unknown format.",
        'RuntimeError: Failed to open the input "a.mp4" (Invalid data found when processing '
        "input).",
        "RuntimeError: Input is not a PNG",
        "RuntimeError: Not a JPEG file: starts with 0x3c 0x68",
        "ValueError: Expected object or value",
        "pyarrow.lib.ArrowInvalid: Could not open Parquet input source '<Buffer>': Parquet file "
        "size is 0 bytes",
        "OSError: Couldn't deserialize thrift: TProtocolException: Invalid data",
        "OSError: Corrupt snappy compressed data.",
        "zstandard.backend_c.ZstdError: zstd decompress error: Unknown frame descriptor",
        "lz4.block.LZ4BlockError: Decompression failed: corrupt input or insufficient space in "
        "destination buffer. Error code: 3",
        "zarr.errors.PathNotFoundError: nothing found at path ''",
        "zarr.errors.GroupNotFoundError: group not found at path 'x'",
        "datasets.exceptions.DatasetGenerationError: An error occurred while generating the "
        "dataset",
        "datasets.utils.info_utils.NonMatchingSplitsSizesError: [{...}]",
        "datasets.exceptions.DataFilesNotFoundError: No (supported) data files found in imagenet",
        "FileNotFoundError: Couldn't find any data file at /data/x",
        "FileNotFoundError: Couldn't find any class folder in data/train.",
        "FileNotFoundError: Found no valid file for the classes x. Supported extensions are: "
        ".jpg, .png",
        "RuntimeError: Dataset not found or corrupted. You can use download=True to download it",
        "RuntimeError: File not found or corrupted.",
        "RuntimeError: Found 0 files in subfolders of: data",
        "RuntimeError: Found 0 images in subfolders of: data/train",
        "OSError: Bad magic number",
        "xarray.backends.X: NetCDF: Unknown file format",
        "OSError: [Errno -51] NetCDF: Unknown file format: 'a.nc'",
        "OSError: [Errno -101] NetCDF: HDF error: 'a.nc'",
        "rasterio.errors.RasterioIOError: a.tif: No such file or directory",
        "rasterio.errors.RasterioIOError: Read or write failed. a.tif, band 1: IReadBlock failed",
        "RuntimeError: unable to map file. trace count inconsistent with file size, trace "
        "lengths possibly of non-uniform",
        "nibabel.filebasedimages.ImageFileError: Empty file: 'a.nii.gz'",
        'nibabel.filebasedimages.ImageFileError: Cannot work out file type of "a.nii"',
        "lmdb.Error: /data/x.lmdb: No such file or directory",
        "lmdb.PageNotFoundError: mdb_get: MDB_PAGE_NOTFOUND: Requested page not found",
        "xml.etree.ElementTree.ParseError: not well-formed (invalid token): line 1, column 0",
        "xml.etree.ElementTree.ParseError: no element found: line 1, column 0",
        "RuntimeError: checksum of file data.tar.gz does not match",
        "ValueError: Checksum mismatch",
        'RuntimeError: invalid hash value (expected "f37072fd", got "abc")',
        "tarfile.ReadError: invalid header",
        "tarfile.ReadError: bad checksum",
        "zipfile.BadZipFile: Truncated file header",
        "zlib.error: Error -5 while decompressing data: incomplete or truncated stream",
        "OSError: CRC check failed 0x1 != 0x2",
    ],
}
