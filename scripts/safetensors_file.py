"""Reads files of tensors that `elbo train` and `elbo evaluate --save` write (docs/checkpoints.md)."""

import hashlib
import json
import re
import sys

import numpy as np


# elbo writes the metadata first, and in them the digest last. No string can hold this: quotes in strings are escaped.
DIGEST = re.compile(rb'[{,]"sha256":"([0-9a-f]{64})"\}')


def read_safetensors(path):
    """Tensors by name, and the metadata, which are strings. Exits with a message if the file cannot be read or its digest is wrong."""
    try:
        with open(path, "rb") as file:
            content = file.read()
        begin = 8 + int.from_bytes(content[:8], "little")
        header = json.loads(content[8:begin])
        metadata = header.pop("__metadata__", {})
        verify_digest(content, begin, metadata, path)
        data = content[begin:]
        dtypes = {"F32": np.float32, "U8": np.uint8, "I32": np.int32}
        tensors = {
            name: np.frombuffer(data[slice(*entry["data_offsets"])], dtypes[entry["dtype"]]).reshape(entry["shape"])
            for name, entry in header.items()
        }
    except OSError as error:
        sys.exit(f"{path}: {error.strerror}; a safetensors file was expected")
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, MemoryError, RecursionError):
        sys.exit(f"{path}: damaged, or not a safetensors file")
    return tensors, metadata


def verify_digest(content, begin, metadata, path):
    """Exits with a message unless the metadata entry `sha256` is the digest of the whole file with its 64 digits set to 0."""
    found = DIGEST.search(content, 8, begin)
    stored = metadata.get("sha256")
    if found is None or found[1].decode() != stored:
        sys.exit(f"{path}: has no digest in its metadata: damaged, or not written by elbo")
    start, end = found.span(1)
    if hashlib.sha256(content[:start] + b"0" * 64 + content[end:]).hexdigest() != stored:
        sys.exit(f"{path}: sha256 does not match: the file was changed or damaged after it was written")


def finite(tensors, name, path):
    """The values of every image in float64. Exits with a message if they are missing or not all finite."""
    if name not in tensors:
        sys.exit(f"{path}: has no '{name}'; a file of `elbo evaluate --save` was expected")
    values = tensors[name].astype(np.float64)
    if not np.isfinite(values).all():
        image = np.isfinite(values).argmin()
        sys.exit(f"{path}: '{name}' of image {image} is {values[image]}, not a finite number")
    return values
