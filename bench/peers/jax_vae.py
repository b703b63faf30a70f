"""JAX: `jit`, one compiled call per step, and `scan`, one compiled call per 100 steps with `jax.lax.scan`. With `bfloat16` as second
argument, operands and results of matrix products are bfloat16, and everything else is float32.
"""

import sys

import jax
import jax.numpy as jnp
from protocol import BETA1, BETA2, EPSILON, INNERMOST, LEARNING_RATE, batch, filters, indices, on_gpu, pixels, serve, weights


PRECISION = jnp.bfloat16 if sys.argv[2:] == ["bfloat16"] else jnp.float32
jax.config.update("jax_platforms", "cuda" if on_gpu else "cpu")
if on_gpu:
    jax.config.update("jax_default_matmul_precision", "highest")  # float32 without TF32, as elbo computes
images = jnp.asarray(pixels)
CHUNK = 5 if filters else 100  # as in candidates.mjs
LAYOUT = ("NHWC", "HWIO", "NHWC")


def dense(h, kernel, bias):
    return (h.astype(PRECISION) @ kernel.astype(PRECISION)).astype(jnp.float32) + bias


def mlp(layers, h):
    for kernel, bias in layers:
        h = jax.nn.relu(dense(h, kernel, bias))
    return h


def encode(layers, x):
    if not filters:
        return mlp(layers, x)
    h = x.reshape(-1, 28, 28, 1)
    for kernel, bias in layers[: len(filters)]:
        h = jax.nn.relu(jax.lax.conv_general_dilated(h, kernel, (2, 2), "SAME", dimension_numbers=LAYOUT) + bias)
    return mlp(layers[len(filters) :], h.reshape(len(h), -1))


def decode(layers, z):
    if not filters:
        kernel, bias = layers[-1]
        return dense(mlp(layers[:-1], z), kernel, bias)
    h = mlp(layers[: -len(filters)], z).reshape(-1, INNERMOST, INNERMOST, filters[-1])
    for i, (kernel, bias) in enumerate(layers[-len(filters) :]):
        h = jax.lax.conv_transpose(jax.nn.relu(h) if i > 0 else h, kernel, (2, 2), "SAME", dimension_numbers=LAYOUT) + bias
    return h.reshape(len(h), -1)


def loss(parameters, x, key):
    encoder, (mu_head, log_var_head), decoder = parameters
    code = encode(encoder, x)
    mu, log_var = (dense(code, kernel, bias) for kernel, bias in (mu_head, log_var_head))
    z = mu + jnp.exp(log_var / 2) * jax.random.normal(key, mu.shape)
    logits = decode(decoder, z)
    reconstruction = (x * logits - jax.nn.softplus(logits)).sum(1)
    kl = (mu**2 + jnp.exp(log_var) - log_var - 1).sum(1) / 2
    return (kl - reconstruction).mean()


def step(state, inputs):
    parameters, m, v, t = state
    rows, key = inputs
    binarize_key, noise_key = jax.random.split(key)
    grey = images[rows] / 255.0
    x = (jax.random.uniform(binarize_key, grey.shape) < grey).astype(jnp.float32)
    value, gradients = jax.value_and_grad(loss)(parameters, x, noise_key)
    t = t + 1
    m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, gradients)
    v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, v, gradients)
    update = lambda p, m, v: p - LEARNING_RATE * (m / (1 - BETA1**t)) / (jnp.sqrt(v / (1 - BETA2**t)) + EPSILON)
    return (jax.tree.map(update, parameters, m, v), m, v, t), value


parameters = jax.tree.map(jnp.asarray, weights())
zeros = lambda: jax.tree.map(jnp.zeros_like, parameters)
state = (parameters, zeros(), zeros(), jnp.float32(0))
key = jax.random.key(0)
one = jax.jit(step, donate_argnums=0)
many = jax.jit(lambda state, inputs: jax.lax.scan(step, state, inputs), donate_argnums=0)


def run_jit(steps):
    global state, key
    for rows in indices(steps):
        key, step_key = jax.random.split(key)
        state, value = one(state, (rows, step_key))
    value.block_until_ready()


def run_scan(steps):
    global state, key
    for _ in range(max(1, steps // CHUNK)):
        key, chunk_key = jax.random.split(key)
        state, value = many(state, (indices(CHUNK), jax.random.split(chunk_key, CHUNK)))
    value.block_until_ready()


serve({"jit": run_jit, "scan": run_scan}[sys.argv[1]])
