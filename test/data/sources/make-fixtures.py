#!/usr/bin/env python3
"""Writes the files of fixtures/ with each format's own public writer: python3 make-fixtures.py (numpy 2.4.6, scipy 1.17.1)."""
import struct
from pathlib import Path

import numpy as np
import scipy.io

FIXTURES = Path(__file__).parent / "fixtures"


def pictures(count, rows, columns, channels=1, first=0):
    """Grey levels below 200 that differ everywhere, and a white corner, the upper right one. The tests compute the same."""
    n, r, c, k = np.ogrid[first : first + count, :rows, :columns, :channels]
    levels = (7 * n + 31 * r + 3 * c + 90 * k) % 200
    levels[:, 0, -1] = 255
    return levels.astype(np.uint8)


def grey(count, rows, columns, first=0):
    return pictures(count, rows, columns, 1, first)[..., 0]


def bits(count, rows, columns, first=0):
    return (grey(count, rows, columns, first) > 99).astype(np.uint8)


def npy():
    colour = pictures(2, 6, 5, 3)
    plain = grey(3, 4, 5)
    arrays = {
        "uint8": plain,
        "colour-last": colour,
        "colour-first": colour.transpose(0, 3, 1, 2).copy(),
        "ambiguous": pictures(2, 3, 5, 3),
        "bool": bits(3, 4, 5).astype(bool),
        "float16-unit": (plain / 255).astype(np.float16),
        "float32-unit": (plain / 255).astype(np.float32),
        "float64-unit": plain / 255,
        "float32-levels": plain.astype(np.float32),
        "int64": plain.astype(np.int64),
        "uint64": plain.astype(np.uint64),
        "int16-big-endian": plain.astype(">i2"),
        "float32-big-endian": (plain / 255).astype(">f4"),
        "fortran": np.asfortranarray(plain),
        "fortran-colour": np.asfortranarray(colour / 255),
        "fortran-colour-first": np.asfortranarray(colour.transpose(0, 3, 1, 2)),
        "rows-of-pixels": plain.reshape(3, 20),
        "vector": plain.ravel(),
        "objects": np.array([[["a"]]], dtype=object),
        "complex": plain.astype(np.complex64),
        "records": np.zeros((2, 2, 2), dtype=[("a", "u1"), ("b", "u1")]),
        "empty": plain[:0],
    }
    for name, value in (("int32-outside", -3), ("int32-above", 256)):
        arrays[name] = plain.astype(np.int32)
        arrays[name][1, 2, 3] = value
    for name, value in (("float32-outside", 300), ("float32-nan", np.nan), ("float32-negative", -0.5)):
        arrays[name] = (plain / 255).astype(np.float32)
        arrays[name][1, 2, 3] = value
    arrays["halves"] = np.arange(6.0).reshape(1, 2, 3) + 250 - 0.5
    arrays["float32-dark"] = plain.astype(np.float32) / 255 * 16
    for name, array in arrays.items():
        np.save(FIXTURES / f"{name}.npy", array)
    for version in (2, 3):
        with open(FIXTURES / f"version-{version}.npy", "wb") as file:
            np.lib.format.write_array(file, plain, version=(version, 0))


def npz():
    labels = np.array([3, 0, 1])
    keras = dict(x_train=grey(3, 4, 5), y_train=labels, x_test=grey(2, 4, 5, 3), y_test=labels[:2])
    np.savez(FIXTURES / "keras.npz", **keras)
    np.savez_compressed(FIXTURES / "keras-compressed.npz", **keras)
    for part, count, first in (("train", 3, 0), ("test", 2, 3)):
        np.savez_compressed(FIXTURES / f"kmnist-{part}-imgs.npz", grey(count, 4, 5, first))
        np.savez_compressed(FIXTURES / f"kmnist-{part}-labels.npz", labels[:count].astype(np.uint8))
    metadata = np.array({"author": "someone"}, dtype=object)
    np.savez_compressed(
        FIXTURES / "dsprites.npz", metadata=metadata, imgs=bits(3, 4, 5), latents_values=np.zeros((3, 6))
    )
    parts = (("train", 3, 0), ("val", 1, 3), ("test", 2, 4))
    med = {f"{part}_images": pictures(count, 6, 5, 3, first) for part, count, first in parts}
    med |= {f"{part}_labels": labels[:count, None] for part, count, first in parts}
    np.savez_compressed(FIXTURES / "medmnist.npz", **med)
    np.savez_compressed(FIXTURES / "other-names.npz", pictures=grey(3, 4, 5), words=np.array(["a", "b"]))
    np.savez_compressed(FIXTURES / "words.npz", images=grey(3, 4, 5), labels=np.array(["a", "b", "c"]))
    np.savez_compressed(FIXTURES / "one-hot.npz", x=np.asfortranarray(grey(3, 4, 5) / 255), y=np.eye(4)[labels])
    np.savez(FIXTURES / "jointly.npz", train=np.full((2, 4, 5), 200.0), test=np.full((2, 4, 5), 1.0))


def column_by_column(images):
    """[pixels, count], each image column by column, as MATLAB's images(:)."""
    return images.transpose(2, 1, 0).reshape(-1, len(images))


def matlab():
    train, test = grey(3, 4, 4), grey(2, 4, 4, 3)
    one_hot = np.eye(4)[[3, 0, 1]].T
    omniglot = dict(
        data=column_by_column(train) / 255,
        target=one_hot,
        testdata=column_by_column(test) / 255,
        testtarget=one_hot[:, :2],
    )
    scipy.io.savemat(FIXTURES / "chardata.mat", omniglot, do_compression=True)
    frey = pictures(2, 28, 20)[..., 0].reshape(2, 560).T
    scipy.io.savemat(FIXTURES / "frey_rawface.mat", {"ff": frey})
    caltech = {"classnames": np.array([["a", "b"]], dtype=object)}
    for part, count, first in (("train", 3, 0), ("val", 1, 3), ("test", 2, 4)):
        caltech[f"{part}_data"] = column_by_column(bits(count, 4, 4, first)).T
        caltech[f"{part}_labels"] = np.arange(1, count + 1, dtype=np.uint16)[:, None]
    scipy.io.savemat(FIXTURES / "silhouettes.mat", caltech, do_compression=True)
    other = dict(
        faces=grey(3, 4, 5).transpose(1, 2, 0),
        rows=column_by_column(grey(3, 4, 5)).T.astype(np.int16),
        text="words",
        cells=np.array([1, "a"], dtype=object),
        struct={"a": 1},
        turning=np.ones((2, 2)) * 1j,
        whole=np.ones((20, 2)),
    )
    scipy.io.savemat(FIXTURES / "other.mat", other)
    scipy.io.savemat(FIXTURES / "other-compressed.mat", other, do_compression=True)
    big_endian(FIXTURES / "big-endian.mat", "ff", frey[:, :1].astype(">i2"))
    scipy.io.savemat(FIXTURES / "logical.mat", {"shown": bits(3, 4, 5).transpose(1, 2, 0).astype(bool)})
    scipy.io.savemat(FIXTURES / "level-4.mat", {"a": np.ones((2, 2))}, format="4")


def big_endian(path, name, array):
    """SciPy reads files of big-endian machines but does not write them."""
    part = lambda kind, data: struct.pack(">II", kind, len(data)) + data + bytes(-len(data) % 8)
    body = part(6, struct.pack(">II", 10, 0)) + part(5, struct.pack(">ii", *array.shape))  # class 10: int16
    body += part(1, name.encode()) + part(3, array.tobytes(order="F"))
    header = b"MATLAB 5.0 MAT-file, made by make-fixtures.py".ljust(124) + struct.pack(">HH", 0x0100, 0x4D49)
    path.write_bytes(header + struct.pack(">II", 14, len(body)) + body)
    assert np.array_equal(scipy.io.loadmat(path)[name], array)


def amat():
    folder = FIXTURES / "larochelle"
    folder.mkdir(exist_ok=True)
    for part, count, first in (("train", 3, 0), ("valid", 1, 3), ("test", 2, 4)):
        np.savetxt(folder / f"binarized_mnist_{part}.amat", bits(count, 4, 4, first).reshape(count, 16), fmt="%d")
    np.savetxt(FIXTURES / "scientific.amat", bits(3, 4, 4).reshape(3, 16))
    labelled = np.hstack([grey(3, 4, 4).reshape(3, 16) / 255, [[7], [0], [1]]])
    np.savetxt(FIXTURES / "labelled.amat", labelled, fmt="%.4f")


if __name__ == "__main__":
    FIXTURES.mkdir(exist_ok=True)
    npy()
    npz()
    matlab()
    amat()
