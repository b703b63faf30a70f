"""Arrays: NumPy's npy and npz, MATLAB 5, IDX, CIFAR, text of 0 and 1, raw bytes."""
import gzip
import struct

import numpy as np
import scipy.io
from draws import bits, classes, levels, pick, size

WHOLE = ["u1", "i2", "u2", "i4", "u4", "i8", "u8"]
REAL = ["f2", "f4", "f8"]


def stored(rng, pixels):
    """An array of a random type, byte order and memory order that stands for levels, and the levels."""
    kind = pick(rng, ["whole", "unit", "levels", "drawn"])
    order = pick(rng, "<>")
    if kind == "whole":
        array = pixels.astype(order + pick(rng, WHOLE))
    elif kind == "unit":
        array = (pixels / 255).astype(order + pick(rng, REAL))
    elif kind == "levels":
        array = pixels.astype(order + pick(rng, REAL))
    else:
        drawn = rng.random(pixels.shape).astype(order + pick(rng, ["f4", "f8"]))
        array, pixels = drawn, np.rint(255 * drawn.astype("f8")).astype(np.uint8)
    if kind == "levels" and pixels.max() < 2:
        pixels = np.rint(255 * pixels.astype("f8")).astype(np.uint8)
    if rng.random() < 0.3:
        array = np.asfortranarray(array)
    return array, pixels, f"{array.dtype.str} {kind} {'F' if array.flags.fnc else 'C'}"


def laid_out(rng, pixels):
    """[N, H, W], [N, H, W, C] or [N, C, H, W]; which of the last two it is must be clear."""
    if pixels.ndim == 4 and pixels.shape[3] in (1, 3) and pixels.shape[2] not in (1, 3, 4) and rng.random() < 0.5:
        return pixels.transpose(0, 3, 1, 2)
    return pixels


def images(rng, count=None):
    channels = pick(rng, [None, None, 1, 3])
    rows = size(rng) if channels is None else 4 + size(rng) + (size(rng) % 2)
    columns = size(rng) if channels is None else 4 + size(rng)
    return levels(rng, count or size(rng, 9), rows, columns, channels)


def npy(rng, folder):
    pixels = images(rng)
    array, pixels, what = stored(rng, pixels)
    array = laid_out(rng, array)
    path = folder / pick(rng, ["images.npy", "größe 写真.npy", "x"])
    version = pick(rng, [None, (1, 0), (2, 0), (3, 0)])
    with open(path, "wb") as file:
        np.lib.format.write_array(file, array, version=version)
    if rng.random() < 0.2:
        path = folder / "images.npy.gz"
        with gzip.open(path, "wb") as file:
            np.save(file, array)
    return {"source": path, "parts": {"train": [pixels]}, "what": what}


def npy_bool(rng, folder):
    pixels = bits(rng, size(rng), size(rng), size(rng))
    array = pixels.astype(bool)
    np.save(folder / "a.npy", np.asfortranarray(array) if rng.random() < 0.5 else array)
    return {"source": folder / "a.npy", "parts": {"train": [255 * pixels]}, "warnings": ["binary-levels"] if not pixels.all() else []}


def npy_alpha(rng, folder):
    pixels = levels(rng, size(rng), 5 + size(rng), 5 + size(rng), 4)
    np.save(folder / "a.npy", pixels)
    if rng.random() < 0.5:
        return {"source": folder / "a.npy", "parts": {"train": [pixels]}}
    behind = pick(rng, ["black", "white"])
    alpha = pixels[..., 3:] / 255
    over = alpha * pixels[..., :3] + (1 - alpha) * (255 if behind == "white" else 0)
    flags = {"channels": "colour", "background": behind}
    return {"source": folder / "a.npy", "flags": flags, "parts": {"train": [np.floor(over + 0.5).astype(np.uint8)]}}


def npy_refused(rng, folder):
    pixels = levels(rng, 3, 4, 5).astype("f8")
    kind = pick(rng, ["complex", "object", "negative", "above", "nan", "records", "cut"])
    array = pixels
    if kind == "complex":
        array = pixels + 0j
    if kind == "object":
        array = np.array([[["a"]]], dtype=object)
    if kind == "records":
        array = np.zeros((2, 3, 3), dtype=[("a", "u1")])
    if kind in ("negative", "above", "nan"):
        array[1, 2, 3] = {"negative": -1, "above": 256, "nan": np.nan}[kind]
    np.save(folder / "a.npy", array)
    if kind == "cut":
        (folder / "a.npy").write_bytes((folder / "a.npy").read_bytes()[:-7])
    refused = {"cut": "truncated", "object": "pickle", "records": "records", "complex": "of NumPy"}
    return {"source": folder / "a.npy", "refused": refused.get(kind, "image 1, row 2, column 3"), "what": kind}


def npy_half(rng, folder):
    """Ties go to the even level, as in NumPy and in IEEE 754."""
    halves = rng.integers(0, 255, (3, 4, 5)) + 0.5
    np.save(folder / "a.npy", halves)
    return {"source": folder / "a.npy", "parts": {"train": [np.rint(halves).astype(np.uint8)]}}


def npz_parts(rng, folder):
    names = pick(rng, [("x_{}", "y_{}"), ("{}_images", "{}_labels"), ("{}_data", "{}_targets"), ("X_{}", "Y_{}"), ("{}_x", "{}_y")])
    spelled = {"train": "train", "validation": pick(rng, ["val", "valid"]), "test": "test"}
    wanted = ["train", "test"] if rng.random() < 0.5 else list(spelled)
    shape = [size(rng), size(rng)]
    arrays, parts = {}, {}
    for part in wanted:
        count = size(rng, 9)
        pixels = levels(rng, count, *shape)
        values, class_names = classes(rng, count)
        arrays[names[0].format(spelled[part])] = np.asfortranarray(pixels) if rng.random() < 0.3 else pixels
        column = values.astype(pick(rng, ["u1", "<i8", ">i4", "f4"]))
        arrays[names[1].format(spelled[part])] = column[:, None] if rng.random() < 0.3 else column
        parts[part] = [pixels, values, class_names]
    save = np.savez_compressed if rng.random() < 0.5 else np.savez
    save(folder / "a.npz", **arrays)
    return {"source": folder / "a.npz", "parts": parts, "what": str(names)}


def npz_key(rng, folder):
    pixels = images(rng)
    array, pixels, what = stored(rng, pixels)
    key = pick(rng, ["imgs", "images", "x", "data", "arr_0", "something", "später"])
    np.savez_compressed(folder / "a.npz", **{key: array, "other": np.zeros(3), "words": np.array(["a", "b"])})
    flags = {"key": key} if key in ("something", "später") or rng.random() < 0.3 else {}
    return {"source": folder / "a.npz", "flags": flags, "parts": {"train": [pixels]}, "what": what}


def kmnist(rng, folder):
    parts = {}
    for part in ("train", "test"):
        count = size(rng, 9)
        pixels = levels(rng, count, 28, 28)
        values, names = classes(rng, count, 10)
        np.savez_compressed(folder / f"kmnist-{part}-imgs.npz", pixels)
        np.savez_compressed(folder / f"kmnist-{part}-labels.npz", values.astype(np.uint8))
        parts[part] = [pixels, values, names]
    return {"source": folder, "parts": parts}


def by_columns(pixels):
    """[pixels, count], each image column by column."""
    return pixels.transpose(2, 1, 0).reshape(-1, len(pixels))


def omniglot(rng, folder):
    side = 2 + size(rng)
    arrays, parts = {}, {}
    for part, prefix in (("train", ""), ("test", "test")):
        count = 6 + size(rng, 9)
        drawn = rng.random((count, side, side))
        values = rng.integers(0, 5, count)
        values[0] = 4
        arrays[f"{prefix}data"] = by_columns(drawn).astype(pick(rng, ["f4", "f8"]))
        arrays[f"{prefix}target"] = np.eye(5)[values].T
        arrays[f"{prefix}targetchar"] = rng.random((1, count))
        read = arrays[f"{prefix}data"].astype("f8").reshape(side, side, count).transpose(2, 1, 0)
        parts[part] = [np.rint(255 * read).astype(np.uint8), values, list("01234")]
    scipy.io.savemat(folder / "chardata.mat", arrays, do_compression=rng.random() < 0.5)
    return {"source": folder / "chardata.mat", "parts": parts}


def caltech(rng, folder):
    side = 3 + size(rng)
    kind = pick(rng, ["u1", "f8", "bool"])
    arrays, parts = {"classnames": np.array([["a", "b"]], dtype=object)}, {}
    for part, spelled in (("train", "train"), ("validation", "val"), ("test", "test")):
        count = 2 + size(rng, 9)
        drawn = bits(rng, count, side, side)
        values = rng.integers(1, 7, count)
        arrays[f"{spelled}_data"] = by_columns(drawn).T.astype(kind)
        arrays[f"{spelled}_labels"] = values.astype(np.uint16)[:, None]
        parts[part] = [drawn if kind == "u1" else 255 * drawn, values, [str(i) for i in range(values.max() + 1)]]
    scipy.io.savemat(folder / "caltech101_silhouettes_28_split1.mat", arrays, do_compression=rng.random() < 0.5)
    flags = {"levels": "0-1"} if rng.random() < 0.5 else {}
    if flags:
        parts = {part: [drawn if kind != "u1" else 255 * drawn, *rest] for part, (drawn, *rest) in parts.items()}
    warnings = ["binary-bytes"] if kind == "u1" and not flags else ["binary-levels"]
    return {"source": folder / "caltech101_silhouettes_28_split1.mat", "flags": flags, "parts": parts, "warnings": warnings, "what": kind}


def frey(rng, folder):
    pixels = levels(rng, size(rng), 28, 20)
    scipy.io.savemat(folder / "frey_rawface.mat", {"ff": pixels.reshape(-1, 560).T}, do_compression=rng.random() < 0.5)
    return {"source": folder / "frey_rawface.mat", "parts": {"train": [pixels]}}


def matlab_key(rng, folder):
    count, rows, columns = 30 + size(rng), 3 + size(rng), 3 + size(rng)
    channels = pick(rng, [None, 3])
    pixels = levels(rng, count, rows, columns, channels)
    kind = pick(rng, ["u1", "i2", "u2", "i4", "f4", "f8", "i8", "unit"])
    array = pixels / 255 if kind == "unit" else pixels.astype(kind)
    moved = np.moveaxis(array, 0, -1)
    scipy.io.savemat(folder / "a.mat", {"faces": moved, "text": "words", "s": {"a": 1}}, do_compression=rng.random() < 0.5)
    shape = "x".join(map(str, pixels.shape))
    return {"source": folder / "a.mat", "flags": {"key": "faces", "rawShape": shape}, "parts": {"train": [pixels]}, "what": kind}


def matlab_refused(rng, folder):
    path = folder / "a.mat"
    if rng.random() < 0.5:
        scipy.io.savemat(path, {"data": np.ones((4, 4))}, format="4")
        return {"source": path, "refused": "save it in MATLAB with -v7"}
    path.write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM" + bytes(384) + b"\x89HDF\r\n\x1a\n" + bytes(900))
    return {"source": path, "refused": "-v7"}


def idx_bytes(array, code):
    header = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


def idx_names(rng):
    kind = pick(rng, ["mnist", "emnist", "dots"])
    if kind == "emnist":
        split = pick(rng, ["letters", "balanced", "digits", "byclass"])
        return [(f"emnist-{split}-{part}-images-idx3-ubyte", f"emnist-{split}-{part}-labels-idx1-ubyte") for part in ("train", "test")]
    mark = "." if kind == "dots" else "-"
    return [(f"{part}-images{mark}idx3-ubyte", f"{part}-labels{mark}idx1-ubyte") for part in ("train", "t10k")]


def idx(rng, folder):
    names = idx_names(rng)
    rows, columns, parts = 2 + size(rng), 2 + size(rng), {}
    is_emnist = names[0][0].startswith("emnist")
    flags = {"transpose": "on"} if is_emnist and rng.random() < 0.5 else {}
    for part, (image_name, label_name) in zip(("train", "test"), names):
        count = size(rng, 9)
        pixels = levels(rng, count, rows, columns)
        values, class_names = classes(rng, count)
        for name, content in ((image_name, idx_bytes(pixels, 8)), (label_name, idx_bytes(values.astype(np.uint8), 8))):
            if rng.random() < 0.5:
                (folder / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / name).write_bytes(content)
        parts[part] = [pixels.transpose(0, 2, 1) if flags else pixels, values, class_names]
    return {"source": folder, "flags": flags, "parts": parts, "warnings": ["orientation"] if is_emnist and not flags else []}


def idx_types(rng, folder):
    code, kind = pick(rng, [(8, "u1"), (11, ">i2"), (12, ">i4"), (13, ">f4"), (14, ">f8")])
    pixels = levels(rng, size(rng), size(rng), size(rng), pick(rng, [None, 3]))
    (folder / "any.idx").write_bytes(idx_bytes(pixels.astype(kind), code))
    return {"source": folder / "any.idx", "parts": {"train": [pixels]}, "what": kind}


def cifar(rng, folder):
    parts, names = {}, [f"class {i}" for i in range(10)]
    for part, files in (("train", [f"data_batch_{i}.bin" for i in range(1, 6)]), ("test", ["test_batch.bin"])):
        all_pixels, all_values = [], []
        for file in files:
            pixels = levels(rng, size(rng, 5), 32, 32, 3)
            values = rng.integers(0, 10, len(pixels))
            planes = pixels.transpose(0, 3, 1, 2).reshape(len(pixels), -1)
            (folder / file).write_bytes(np.hstack([values[:, None].astype(np.uint8), planes]).tobytes())
            all_pixels.append(pixels)
            all_values.append(values)
        parts[part] = [np.concatenate(all_pixels), np.concatenate(all_values), names]
    (folder / "batches.meta.txt").write_text("\n".join(names) + "\n\n")
    return {"source": folder, "parts": parts}


def amat(rng, folder):
    side, parts = 2 + size(rng), {}
    form = pick(rng, ["%d", "%.18e", "%.1f"])
    for part, spelled in (("train", "train"), ("validation", "valid"), ("test", "test")):
        drawn = bits(rng, size(rng, 9), side, side)
        np.savetxt(folder / f"binarized_mnist_{spelled}.amat", drawn.reshape(len(drawn), -1), fmt=form)
        parts[part] = [255 * drawn]
    return {"source": folder, "parts": parts, "what": form}


def raw(rng, folder):
    pixels = images(rng)
    content = pixels.tobytes()
    (folder / "a.bin").write_bytes(gzip.compress(content) if rng.random() < 0.3 else content)
    flags = {"rawShape": "x".join(map(str, pixels.shape))}
    return {"source": folder / "a.bin", "flags": flags, "parts": {"train": [pixels]}}


def listed(rng, folder):
    """TRAIN,TEST or TRAIN,VALIDATION,TEST of several formats."""
    rows, columns = 2 + size(rng), 2 + size(rng)
    names = pick(rng, [["train", "test"], ["train", "validation", "test"]])
    paths, parts = [], {}
    for name in names:
        pixels = levels(rng, size(rng, 9), rows, columns)
        path = folder / f"{name}{pick(rng, ['.npy', '.idx', '.npz'])}"
        if path.suffix == ".npy":
            np.save(path, (pixels / 255).astype(np.float32))
        elif path.suffix == ".npz":
            np.savez(path, images=pixels)
        else:
            path.write_bytes(idx_bytes(pixels, 8))
        paths.append(str(path))
        parts[name] = [pixels]
    return {"source": ",".join(paths), "parts": parts}


array_cases = {
    case.__name__: case
    for case in (npy, npy_bool, npy_alpha, npy_refused, npy_half, npz_parts, npz_key, kmnist, omniglot, caltech, frey)
    + (matlab_key, matlab_refused, idx, idx_types, cifar, amat, raw, listed)
}
