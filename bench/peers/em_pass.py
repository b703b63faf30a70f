"""One EM iteration over all images in NumPy float32 or scikit-learn, or, as a lower bound, its matrix products alone in PyTorch.

`python3 em_pass.py numpy|sklearn64|sklearn32|sgemm`, started by bench/em-pass.mjs with BENCH_MODEL in the environment, a JSON object:
kind (bernoulli or diagonal), components, count, batch, images (path of MNIST's IDX file). Makes one pass and prints `ready MS`; then,
for each line `N` on standard input, makes N passes and prints their milliseconds per pass and the last log-likelihood per image.
"""

import json
import os
import sys
import time

import numpy as np

model = json.loads(os.environ["BENCH_MODEL"])
kind, components, count, batch = model["kind"], model["components"], model["count"], model["batch"]
grey = np.fromfile(model["images"], np.uint8)[16:].reshape(-1, 784)[:count]
x = ((grey >= 128) if kind == "bernoulli" else grey / 255).astype(np.float32)
weights = np.full(components, 1 / components, np.float32)
means = np.float32(0.125) + np.float32(0.75) * x[:components]  # image k, moved a quarter of the way to grey
REGULARIZATION = 1e-3


def numpy_bernoulli():
    """A pass in batches, as in elbo."""
    global weights, means
    logits, offsets = np.log(means / (1 - means)), np.log(weights) + np.log(1 - means).sum(1)
    counts, sums, total = np.zeros(components), np.zeros((components, 784)), 0.0
    for i in range(0, count, batch):
        images = x[i : i + batch]
        joint = images @ logits.T
        joint += offsets
        largest = joint.max(1, keepdims=True)
        joint -= largest
        np.exp(joint, out=joint)
        norm = joint.sum(1, keepdims=True)
        joint /= norm
        total += np.float64((largest + np.log(norm)).sum())
        counts += joint.sum(0)
        sums += joint.T @ images
    weights = (np.maximum(counts, 1e-15) / count).astype(np.float32)
    means = np.clip(sums / np.maximum(counts, 1e-15)[:, None], 1e-6, 1 - 1e-6).astype(np.float32)
    return total / count


def sklearn_diagonal(dtype):
    from sklearn.mixture import GaussianMixture

    images = x.astype(dtype)
    mixture = GaussianMixture(components, covariance_type="diag", reg_covar=REGULARIZATION)
    mixture.weights_ = np.full(components, 1 / components, dtype)
    mixture.means_ = means.astype(dtype)
    mixture.covariances_ = np.full((components, 784), 0.1, dtype)
    mixture.precisions_cholesky_ = 1 / np.sqrt(mixture.covariances_)

    def iteration():
        log_prob, log_resp = mixture._e_step(images)
        mixture._m_step(images, log_resp)
        return log_prob

    return iteration


def sgemm():
    """x W and r^T x, and for a diagonal covariance the same with x squared, into preallocated outputs."""
    import torch

    images, r = torch.from_numpy(x), torch.rand(batch, components)
    w, joint, sums = torch.from_numpy(means.copy()), torch.empty(batch, components), torch.empty(components, 784)

    def products():
        for i in range(0, count, batch):
            for _ in range(1 if kind == "bernoulli" else 2):
                torch.mm(images[i : i + batch], w.T, out=joint)
                torch.mm(r.T, images[i : i + batch], out=sums)
        return float("nan")

    return products


make = {
    "numpy": lambda: numpy_bernoulli,
    "sklearn64": lambda: sklearn_diagonal(np.float64),
    "sklearn32": lambda: sklearn_diagonal(np.float32),
    "sgemm": sgemm,
}
iteration = make[sys.argv[1]]()
started = time.perf_counter()
iteration()
print("ready", (time.perf_counter() - started) * 1000, flush=True)
for line in sys.stdin:
    passes = int(line)
    started = time.perf_counter()
    for _ in range(passes):
        log_prob = iteration()
    print((time.perf_counter() - started) * 1000 / passes, log_prob, flush=True)
