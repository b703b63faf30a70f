"""Measures the memory of `elbo encode` on many images, and compares what it wrote in each format with NumPy.

  python3 scripts/check-encode.py FOLDER [images, default 1000000]

Makes so many random images of 18x18 with labels in FOLDER, trains a tiny model, encodes 10,000 images and then all of them into npz, npy, csv,
parquet and safetensors, and prints the peak resident memory of each command. Images, labels and codes of 10,000 random rows are compared with
what NumPy computes from the weights of the exported model; a difference above 1e-5 ends it with exit code 1. Needs NumPy and PyArrow, and 4 GB
in FOLDER for a million images. Build elbo first.
"""

import csv
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
import pyarrow.parquet
from safetensors_file import read_safetensors

FEW, CHECKED, CLASSES, LATENT, TOLERANCE = 10_000, 10_000, 10, 4, 1e-5
SIZE = (18, 18)  # a million images are more than the 256 MiB that are held in memory
PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "dist", "cli.js")
FORMATS = ["npz", "npy", "csv", "parquet", "safetensors"]


def elbo(*arguments):
    """Runs a command; returns its peak resident memory in bytes and its seconds. Exits if it fails."""
    began, peak = time.time(), 0
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(["node", PROGRAM, *arguments], stdout=subprocess.DEVNULL, stderr=said)
        while child.poll() is None:
            peak = max(peak, high_water(child.pid))  # ru_maxrss would count this program's memory before `exec` too
            time.sleep(0.05)
        if child.returncode != 0:
            said.seek(0)
            sys.exit(f"elbo {' '.join(arguments)}: {said.read().decode()}")
    return peak, time.time() - began


def high_water(pid):
    """The peak resident memory of a process so far, in bytes; 0 once it has ended. Linux only."""
    with open(f"/proc/{pid}/status") as file:
        found = [line.split() for line in file if line.startswith("VmHWM")]
    return int(found[0][1]) * 1024 if found else 0


def write_images(path, count):
    """Random images and labels as an uncompressed npz; returns them."""
    random = np.random.default_rng(count)
    images = random.integers(0, 256, (count, *SIZE), np.uint8)
    labels = random.integers(0, CLASSES, count).astype(np.int32)
    labels[:CLASSES] = np.arange(CLASSES)  # none is missing
    np.savez(path, images=images, labels=labels)
    return images, labels


def expected_codes(weights, x):
    """Mean, log variance and KL of N(mean, exp(log variance)) from N(0, I) of images x [count, pixels], in float64."""
    layer = lambda name, h: h @ weights[f"encoder/{name}/kernel"].astype(float) + weights[f"encoder/{name}/bias"]
    hidden = np.maximum(layer("hidden_1", x), 0)
    mean, log_var = layer("mu", hidden), layer("log_var", hidden)
    return {"mean": mean, "logVar": log_var, "kl": (mean**2 + np.exp(log_var) - 1 - log_var) / 2}


def rows_of_csv(path, rows):
    """The arrays of some rows, which are sorted; every row must have its number."""
    found = []
    with open(path, newline="") as file:
        reader = csv.reader(file)
        columns = next(reader)
        wanted = iter([*rows, -1])
        row = next(wanted)
        for i, cells in enumerate(reader):
            if cells[0] != str(i):
                sys.exit(f"{path}: row {i} has the number {cells[0]}")
            if i == row:
                found.append([float(cell) for cell in cells])
                row = next(wanted)
    table = np.array(found)
    of = lambda name: table[:, [i for i, column in enumerate(columns) if column.rpartition("_")[0] == name]]
    return i + 1, {"label": table[:, columns.index("label")], **{name: of(name) for name in ["mean", "logVar", "kl"]}}


def rows_of_parquet(path, rows):
    file = pyarrow.parquet.ParquetFile(path)
    table = file.read().take(rows)
    vectors = {name: np.stack(table[name].to_numpy()) for name in ["mean", "logVar", "kl"]}
    image = np.stack([np.frombuffer(one.as_py(), np.uint8).reshape(SIZE) for one in table["image"]])
    return file.metadata.num_rows, {**vectors, "label": table["label"].to_numpy(), "image": image}


def rows_of(path, rows):
    """The number of rows of a file, and the arrays of some of them by name."""
    if path.endswith("csv"):
        return rows_of_csv(path, rows)
    if path.endswith("parquet"):
        return rows_of_parquet(path, rows)
    if path.endswith("npy"):
        arrays = {"mean": np.load(path, mmap_mode="r")}
    elif path.endswith("npz"):
        arrays = np.load(path)
    else:
        arrays, _ = read_safetensors(path)
    return len(arrays["mean"]), {name: arrays[name][rows] for name in arrays}


def check(path, images, labels, weights):
    """The largest difference of any code; exits if rows, labels or images differ."""
    rows = np.sort(np.random.default_rng(1).choice(len(images), min(CHECKED, len(images)), replace=False))
    count, found = rows_of(path, rows)
    if count != len(images):
        sys.exit(f"{path}: {count} rows, but {len(images)} images")
    binary = images[rows] >= 127.5  # --binarize static
    for name, values in {"label": labels[rows], "image": binary}.items():
        if name in found and not np.array_equal(found[name], values):
            sys.exit(f"{path}: '{name}' is not that of the images")
    expected = expected_codes(weights, binary.reshape(len(rows), -1))
    return max(np.abs(found[name] - values).max() for name, values in expected.items() if name in found)


def main(folder, count):
    os.makedirs(folder, exist_ok=True)
    os.chdir(folder)
    sets = {n: write_images(f"{n}.npz", n) for n in [FEW, count]}
    sizes = ["--hidden", "32", "--latent-dim", str(LATENT), "--activation", "relu"]
    elbo("train", "--run", "tiny", "--data", f"{FEW}.npz", *sizes, "--binarize", "static", "--epochs", "2")
    elbo("export", "tiny", "--to", "exported", "--model-card", "--images", "100", "--samples", "1")
    weights, _ = read_safetensors("exported/weights.safetensors")
    wrong = 0
    for ending in FORMATS:
        for n, (images, labels) in sets.items():
            path = f"codes.{ending}"
            peak, seconds = elbo("encode", "tiny", "--data", f"{n}.npz", "--samples", "1", "--to", path)
            largest = check(path, images, labels, weights)
            wrong += largest > TOLERANCE
            size = os.path.getsize(path) / 1e6
            print(f"{ending:12} {n:>8} images: peak {peak / 1e6:5.0f} MB, {size:6.0f} MB, {seconds:4.0f} s, largest difference {largest:.1e}", flush=True)
            os.remove(path)
    for n in sets:
        os.remove(f"{n}.npz")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000)
