"""TensorFlow in Python: `function`, one tf.function call per step, and `xla`, a loop of 100 steps compiled by XLA."""

import sys

import tensorflow as tf
from protocol import BETA1, BETA2, EPSILON, INNERMOST, LEARNING_RATE, batch, filters, indices, pixels, serve, weights

images = tf.constant(pixels)
CHUNK = 5 if filters else 100  # as in candidates.mjs
encoder, heads, decoder = [[[tf.Variable(w) for w in layer] for layer in part] for part in weights()]
parameters = [w for part in (encoder, heads, decoder) for layer in part for w in layer]
m = [tf.Variable(tf.zeros_like(w)) for w in parameters]
v = [tf.Variable(tf.zeros_like(w)) for w in parameters]
powers = [tf.Variable(BETA1), tf.Variable(BETA2)]


def mlp(layers, h):
    for kernel, bias in layers:
        h = tf.nn.relu(h @ kernel + bias)
    return h


def encode(x):
    if not filters:
        return mlp(encoder, x)
    h = tf.reshape(x, [batch, 28, 28, 1])
    for kernel, bias in encoder[: len(filters)]:
        h = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(h, kernel, 2, "SAME"), bias))
    return mlp(encoder[len(filters) :], tf.reshape(h, [batch, -1]))


def decode(z):
    if not filters:
        kernel, bias = decoder[-1]
        return mlp(decoder[:-1], z) @ kernel + bias
    h = tf.reshape(mlp(decoder[: -len(filters)], z), [batch, INNERMOST, INNERMOST, filters[-1]])
    for i, (kernel, bias) in enumerate(decoder[-len(filters) :]):
        size = 2 * h.shape[1]
        shape = [batch, size, size, bias.shape[0]]
        h = tf.nn.relu(h) if i > 0 else h
        h = tf.nn.bias_add(tf.nn.conv2d_transpose(h, tf.transpose(kernel, [0, 1, 3, 2]), shape, 2, "SAME"), bias)
    return tf.reshape(h, [batch, 784])


def step(rows, seed):
    grey = tf.cast(tf.gather(images, rows), tf.float32) / 255
    x = tf.cast(tf.random.stateless_uniform([batch, 784], seed) < grey, tf.float32)
    with tf.GradientTape() as tape:
        code = encode(x)
        mu, log_var = (code @ kernel + bias for kernel, bias in heads)
        z = mu + tf.exp(log_var / 2) * tf.random.stateless_normal(tf.shape(mu), seed + 1)
        logits = decode(z)
        reconstruction = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(x, logits), 1)
        kl = tf.reduce_sum(mu**2 + tf.exp(log_var) - log_var - 1, 1) / 2
        loss = tf.reduce_mean(reconstruction + kl)
    for w, m_w, v_w, gradient in zip(parameters, m, v, tape.gradient(loss, parameters)):
        tf.raw_ops.ResourceApplyAdam(
            var=w.handle, m=m_w.handle, v=v_w.handle, beta1_power=powers[0], beta2_power=powers[1], lr=LEARNING_RATE,
            beta1=BETA1, beta2=BETA2, epsilon=EPSILON, grad=gradient,
        )
    powers[0].assign(powers[0] * BETA1)
    powers[1].assign(powers[1] * BETA2)
    return loss


one = tf.function(step)


@tf.function(jit_compile=True)
def many(rows, seed):
    loss = 0.0
    for i in tf.range(CHUNK):
        loss = step(rows[i], tf.stack([seed, i]))
    return loss


count = 0


def run_function(steps):
    global count
    for rows in indices(steps):
        count += 2
        value = one(tf.constant(rows), tf.constant([count, 0]))
    value.numpy()


def run_xla(steps):
    global count
    for _ in range(max(1, steps // CHUNK)):
        count += 2
        value = many(tf.constant(indices(CHUNK)), tf.constant(count))
    value.numpy()


serve({"function": run_function, "xla": run_xla}[sys.argv[1]])
