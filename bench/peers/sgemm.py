"""A lower bound: only the float32 matrix products of the work, into preallocated outputs, by the library `torch`, `numpy` or `xla`.

For a training step, all products, forward and backward; for importance sampling, those of the decoder, for each piece of draws.
"""

import sys

import numpy as np
from protocol import batch, hidden, latent, model, serve

random = np.random.default_rng(0)
decoder = [latent, *hidden[::-1], 784]


def normal(*shape):
    return random.standard_normal(shape, np.float32)


def step_products():
    """Pairs of factors, and whether each is transposed: (a, b, a transposed, b transposed)."""
    widths = [784, *hidden], decoder
    shapes = [pair for path in widths for pair in zip(path, path[1:])] + [(hidden[-1], latent)] * 2
    for i, (inputs, outputs) in enumerate(shapes):
        x, kernel, y = normal(batch, inputs), normal(inputs, outputs), normal(batch, outputs)
        yield x, kernel, False, False
        yield x, y, True, False
        if i > 0:  # the gradient with respect to the images is not needed
            yield y, kernel, False, True


def importance_products():
    rows = model["pieceSize"] * batch
    return [(normal(rows, inputs), normal(inputs, outputs), False, False) for inputs, outputs in zip(decoder, decoder[1:])]


importance = model["work"] == "importance"
products = list(importance_products() if importance else step_products())
shapes = [(a.shape[1 if left else 0], b.shape[0 if right else 1]) for a, b, left, right in products]
TURNS = model["pieces"] if importance else 1


def by_torch():
    import torch

    turned = lambda array, transposed: torch.from_numpy(array).T if transposed else torch.from_numpy(array)
    tasks = [(turned(a, left), turned(b, right), torch.empty(shape)) for (a, b, left, right), shape in zip(products, shapes)]

    @torch.inference_mode()
    def run(steps):
        for _ in range(steps * TURNS):
            for a, b, out in tasks:
                torch.mm(a, b, out=out)

    return run


def by_numpy():
    turned = lambda array, transposed: array.T if transposed else array
    tasks = [(turned(a, left), turned(b, right), np.empty(shape, np.float32)) for (a, b, left, right), shape in zip(products, shapes)]

    def run(steps):
        for _ in range(steps * TURNS):
            for a, b, out in tasks:
                np.matmul(a, b, out=out)

    return run


def by_xla():
    import jax
    import jax.numpy as jnp

    transposes = [(left, right) for _, _, left, right in products]
    # An array that several products share is converted once.
    arrays = {id(array): jnp.asarray(array) for a, b, _, _ in products for array in (a, b)}
    factors = [(arrays[id(a)], arrays[id(b)]) for a, b, _, _ in products]
    outputs = [jnp.zeros(shape) for shape in shapes]

    def multiply(_, factors):
        return [(a.T if left else a) @ (b.T if right else b) for (a, b), (left, right) in zip(factors, transposes)]

    # The previous outputs are donated, so that the new ones reuse their memory.
    compiled = jax.jit(multiply, donate_argnums=0, keep_unused=True)

    def run(steps):
        nonlocal outputs
        for _ in range(steps * TURNS):
            outputs = compiled(outputs, factors)
        jax.block_until_ready(outputs)

    return run


serve({"torch": by_torch, "numpy": by_numpy, "xla": by_xla}[sys.argv[1]]())
