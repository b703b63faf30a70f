"""Reads files of tensors that `elbo train` and `elbo evaluate --save` write (docs/checkpoints.md)."""

import json
import sys

import numpy as np


def read_safetensors(path):
    """Tensors by name, and the metadata, which are strings. Exits with a message if the file cannot be read."""
    try:
        with open(path, "rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
            data = file.read()
        dtypes = {"F32": np.float32, "U8": np.uint8}
        metadata = header.pop("__metadata__", {})
        tensors = {
            name: np.frombuffer(data[slice(*entry["data_offsets"])], dtypes[entry["dtype"]]).reshape(entry["shape"])
            for name, entry in header.items()
        }
    except OSError as error:
        sys.exit(f"{path}: {error.strerror}; a safetensors file was expected")
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, MemoryError):
        sys.exit(f"{path}: damaged, or not a safetensors file")
    return tensors, metadata


def finite(tensors, name, path):
    """The values of every image in float64. Exits with a message if they are missing or not all finite."""
    if name not in tensors:
        sys.exit(f"{path}: has no '{name}'; a file of `elbo evaluate --save` was expected")
    values = tensors[name].astype(np.float64)
    if not np.isfinite(values).all():
        image = np.isfinite(values).argmin()
        sys.exit(f"{path}: '{name}' of image {image} is {values[image]}, not a finite number")
    return values
