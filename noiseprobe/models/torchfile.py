"""What a file of torch.save holds: its plain values and the shapes of its tensors. Runs nothing of it, needs no torch.

Such a file is a zip archive: `data.pkl`, a pickle in which a tensor is a call of a rebuild function on a storage's key,
and a record `data/<key>` with the bytes of each storage. Here the pickle is read with the few names that a released
checkpoint has, each standing for something harmless; any other name is refused. So a pickle can't run code, and whether
the file is whole and fits is known in milliseconds, before gigabytes are loaded.
"""

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from noiseprobe.errors import NoiseprobeError

BYTES = {  # of an element of a storage
    "DoubleStorage": 8, "FloatStorage": 4, "HalfStorage": 2, "BFloat16Storage": 2, "LongStorage": 8, "IntStorage": 4,
    "ShortStorage": 2, "CharStorage": 1, "ByteStorage": 1, "BoolStorage": 1,
}  # fmt: skip


class Shape(tuple[int, ...]):
    """The shape of a tensor, in its place."""


def read(path: Path) -> Any:
    """The file's content with a `Shape` in the place of each tensor.

    Raises:
        NoiseprobeError: if it isn't such a file, isn't whole, or holds objects that only running its code could make.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
            pickles = [name for name in sizes if name.count("/") == 1 and name.endswith("/data.pkl")]
            if len(pickles) != 1:
                raise NoiseprobeError(
                    f"model.path: {path} is a zip archive without data.pkl, expected a file of torch.save"
                )
            with archive.open(pickles[0]) as f:
                return _Unpickler(f, path, pickles[0].removesuffix(".pkl"), sizes).load()
    except zipfile.BadZipFile as error:
        raise NoiseprobeError(
            f"model.path: {path} is truncated, or no file of torch.save in its zip format (torch 1.6 and later):"
            f" {error}; fetch it again"
        ) from error
    except OSError as error:
        raise NoiseprobeError(f"model.path: {path} can't be read: {error.strerror or error}") from error
    except NoiseprobeError:
        raise
    except Exception as error:  # what a broken pickle raises has no common class
        raise NoiseprobeError(
            f"model.path: {path} can't be read as a file of torch.save: {type(error).__name__}: {error}"
        ) from error


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any, path: Path, prefix: str, sizes: dict[str, int]) -> None:
        super().__init__(file)
        self.path, self.prefix, self.sizes = path, prefix, sizes

    def find_class(self, module: str, name: str) -> Callable[..., Any] | int:
        match module, name:
            case "torch._utils", "_rebuild_tensor_v2":
                return lambda storage, offset, size, *rest: Shape(size)
            case "torch._utils", "_rebuild_parameter":
                return lambda data, *rest: data
            case "torch", _ if name in BYTES:
                return BYTES[name]
            case "torch", "device":
                return str
            case "collections", "OrderedDict":
                return OrderedDict
        raise NoiseprobeError(
            f"model.path: {self.path} holds a pickled {module}.{name}, expected tensors and plain values only (it isn't"
            " loaded, since a pickle can run any code); export it with audiocraft.utils.export, which writes the"
            " configuration as YAML text"
        )

    def persistent_load(self, pid: Any) -> None:
        """Check that a storage is there in full."""
        _, size, key, _, elements = pid
        record = f"{self.prefix}/{key}"
        if self.sizes.get(record) != size * elements:
            raise NoiseprobeError(
                f"model.path: {self.path}: its record {record} has {self.sizes.get(record)} bytes, expected"
                f" {size * elements}; fetch it again"
            )
