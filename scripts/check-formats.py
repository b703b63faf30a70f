#!/usr/bin/env python3
"""Writes random images in every format with its public writer, and compares what `elbo data` reads with what was written, to the byte.

    python scripts/check-formats.py [--count 300] [--seed 1] [--only npy]

Needs numpy, scipy, Pillow and pyarrow, and a built program (npm run build). Each case is drawn with a seed of its own, which is printed if it fails.
"""
import argparse
import collections
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent / "check-formats"))
from arrays import array_cases  # noqa: E402
from pictures import picture_cases  # noqa: E402
from tables import table_cases  # noqa: E402

CASES = {**array_cases, **picture_cases, **table_cases}
DOCUMENTS = Path(__file__).parent / "check-formats" / "documents.mjs"


def digest(levels):
    return hashlib.sha256(np.ascontiguousarray(levels, np.uint8).tobytes()).hexdigest()


def four(levels):
    """[count, rows, columns, channels]"""
    return levels if levels.ndim == 4 else levels[..., None]


def labels_of(values, names):
    return {name: int(np.sum(np.asarray(values) == i)) for i, name in enumerate(names)}


def faults(case, said):
    """What is wrong with an answer."""
    if "refused" in case:
        if "error" not in said:
            return [f"was read, but should be refused: {case['refused']}"]
        return [] if case["refused"] in said["error"] else [f"refused otherwise: {said['error']}"]
    if "error" in said:
        return [f"refused: {said['error']}"]
    found, wrong = said["json"], []
    first = four(next(iter(case["parts"].values()))[0])
    shape = [found[name] for name in ("rows", "columns", "channels")]
    if shape != list(first.shape[1:]):
        wrong.append(f"rows, columns, channels are {shape}, not {list(first.shape[1:])}")
    if sorted(found["splits"]) != sorted(case["parts"]):
        wrong.append(f"parts are {list(found['splits'])}, not {list(case['parts'])}")
    for name, (levels, *labels) in case["parts"].items():
        wrong += [f"{name}: {fault}" for fault in split_faults(found["splits"].get(name, {}), four(levels), labels)]
    kinds = {warning["kind"] for warning in found["warnings"]}
    missing = set(case.get("warnings", [])) - kinds
    return wrong + [f"no warning {kind}" for kind in missing]


def split_faults(split, levels, labels):
    wrong = []
    if split.get("count") != len(levels):
        wrong.append(f"{split.get('count')} images, not {len(levels)}")
    if split.get("sha256") != digest(levels):
        wrong.append("other levels")
    expected = labels_of(*labels) if labels else None
    if split.get("labels") != expected:
        wrong.append(f"labels {split.get('labels')}, not {expected}")
    return wrong


class Program:
    """`elbo data` in one process that answers line by line."""

    def __init__(self, cache):
        self.process = subprocess.Popen(
            ["node", str(DOCUMENTS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "ELBO_CACHE": cache},
        )

    def ask(self, source, flags):
        self.process.stdin.write(json.dumps({"source": str(source), "flags": flags}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    names = [name for name in CASES if options.only in name]
    root = Path(tempfile.mkdtemp(prefix="check-formats-"))
    program = Program(str(root / "cache"))
    failed, done = 0, collections.Counter()
    try:
        for seed in range(options.seed, options.seed + options.count):
            name = names[seed % len(names)]
            folder = root / str(seed)
            folder.mkdir()
            case = CASES[name](np.random.default_rng(seed), folder)
            said = program.ask(case["source"], case.get("flags", {}))
            wrong = faults(case, said)
            done[name] += 1
            failed += bool(wrong)
            if wrong:
                print(f"{name}, seed {seed}, {case.get('what', '')} {case.get('flags', '')}: {'; '.join(wrong)}", flush=True)
            shutil.rmtree(folder)
    finally:
        program.process.stdin.close()
        program.process.wait()
        shutil.rmtree(root)
    print(f"{sum(done.values())} cases of {len(done)} kinds, {failed} wrong")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
