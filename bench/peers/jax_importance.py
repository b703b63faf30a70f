"""JAX: log p(x) by importance sampling, in one compiled call per batch of images, with `jax.lax.scan` over pieces of draws."""

import jax
import jax.numpy as jnp
from protocol import batch, latent, model, on_gpu, pixels, serve, weights

jax.config.update("jax_platforms", "cuda" if on_gpu else "cpu")
if on_gpu:
    jax.config.update("jax_default_matmul_precision", "highest")  # float32 without TF32, as elbo computes
binary = jnp.asarray(pixels[: 100 * batch] >= 128, jnp.float32)
parameters = jax.tree.map(jnp.asarray, weights())


def mlp(layers, h):
    for kernel, bias in layers:
        h = jnp.tanh(h @ kernel + bias)
    return h


def piece(parameters, x, mu, log_var, key):
    """Sums of importance weights per image: the largest log weight, scaled sums of weights and their squares, and the sum of log weights."""
    decoder = parameters[2]
    epsilon = jax.random.normal(key, (model["pieceSize"], batch, latent))
    z = mu + jnp.exp(log_var / 2) * epsilon
    kernel, bias = decoder[-1]
    logits = mlp(decoder[:-1], z) @ kernel + bias
    reconstruction = (x * logits - jax.nn.softplus(logits)).sum(-1)
    logs = reconstruction - (z**2 - epsilon**2 - log_var).sum(-1) / 2
    top = logs.max(0)
    scaled = jnp.exp(logs - top)
    return top, scaled.sum(0), (scaled**2).sum(0), logs.sum(0)


@jax.jit
def weigh(parameters, x, key):
    encoder, heads, _ = parameters
    code = mlp(encoder, x)
    mu, log_var = (code @ kernel + bias for kernel, bias in heads)
    body = lambda _, key: (None, piece(parameters, x, mu, log_var, key))
    top, sums, squares, logs = jax.lax.scan(body, None, jax.random.split(key, model["pieces"]))[1]
    scales = jnp.exp(top - top.max(0))
    total, total_squares = (sums * scales).sum(0), (squares * scales**2).sum(0)
    log_px = top.max(0) + jnp.log(total / model["samples"])
    return log_px, total_squares / total**2, logs.sum(0) / model["samples"]


key = jax.random.key(0)


def run(batches):
    global key
    for i in range(batches):
        key, batch_key = jax.random.split(key)
        at = i % 100 * batch
        log_px, _, _ = weigh(parameters, binary[at : at + batch], batch_key)
    assert bool(jnp.isfinite(log_px).all())


serve(run)
