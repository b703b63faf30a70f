"""Shared by all peers: the data, the model's sizes, and the line protocol of bench/peers.mjs.

The benchmark starts each candidate as a process, `python3 PEER.py MODE`, with BENCH_MODEL in the environment, a JSON object:
hidden (list), latent, batch, images (path of MNIST's IDX file), backend (`cuda` for a GPU; the CPU if `tensorflow` or missing) and, for a
convolutional model, filters (list). The candidate builds its
step, runs it once and prints `ready FIRST_CALL_MS`. Then, for each line `N` on standard input, it runs N training steps and prints the
milliseconds per step. Both numbers are followed by the peak memory of the process in megabytes.
"""

import json
import os
import resource
import sys
import time

import numpy as np

model = json.loads(os.environ["BENCH_MODEL"])
hidden, latent, batch, filters = model["hidden"], model["latent"], model["batch"], model.get("filters") or []
on_gpu = model.get("backend") == "cuda"
pixels = np.fromfile(model["images"], np.uint8)[16:].reshape(-1, 784)[:50_000]

LEARNING_RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-7

_random = np.random.default_rng(1)


KERNEL = 4  # rows and columns of a convolution's kernel; its stride is 2
INNERMOST = 28 // 2 ** len(filters)  # rows and columns of the smallest feature maps


def layer(*shape):
    """Glorot-uniform kernel [..., inputs, outputs] and zero bias."""
    limit = np.sqrt(6 / (np.prod(shape[:-2]) * sum(shape[-2:])))
    return [_random.uniform(-limit, limit, shape).astype(np.float32), np.zeros(shape[-1], np.float32)]


def weights():
    """The layers of the encoder (convolutions, hidden), the heads (mu, log variance) and the decoder (hidden, transposed convolutions).

    Kernels of convolutions, also of transposed ones, are [rows, columns, inputs, outputs]. The decoder's last layer outputs logits;
    a dense layer to the innermost feature maps precedes its first transposed convolution.
    """
    channels = [1, *filters]
    flat = INNERMOST * INNERMOST * filters[-1] if filters else 784
    into, out_of = [flat, *hidden], [latent, *hidden[::-1], flat]
    encoder = [layer(KERNEL, KERNEL, i, o) for i, o in zip(channels, channels[1:])]
    encoder += [layer(i, o) for i, o in zip(into, into[1:])]
    heads = [layer(hidden[-1], latent), layer(hidden[-1], latent)]
    decoder = [layer(i, o) for i, o in zip(out_of, out_of[1:])]
    decoder += [layer(KERNEL, KERNEL, o, i) for i, o in reversed(list(zip(channels, channels[1:])))]
    return encoder, heads, decoder


def indices(steps):
    """Indices of the images of `steps` batches: [steps, batch]."""
    return _random.integers(0, len(pixels), (steps, batch))


def peak_megabytes():
    """Like src/commands/bench/peak-memory.ts: Linux's ru_maxrss would start at the memory of the parent process."""
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # macOS counts bytes
    with open("/proc/self/status") as status:
        (kibibytes,) = [line.split()[1] for line in status if line.startswith("VmHWM:")]
    return int(kibibytes) * 1024 / 1e6


def serve(run):
    """Serves the protocol. `run(steps)` runs that many training steps and waits for them."""
    started = time.perf_counter()
    run(1)
    print("ready", (time.perf_counter() - started) * 1000, peak_megabytes(), flush=True)
    for line in sys.stdin:
        steps = int(line)
        started = time.perf_counter()
        run(steps)
        print((time.perf_counter() - started) * 1000 / steps, peak_megabytes(), flush=True)
