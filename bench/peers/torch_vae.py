"""PyTorch: `eager` with its fused Adam, and `compile`, the step through torch.compile."""

import sys

import numpy as np
import torch
import torch.nn.functional as F
from protocol import BETA1, BETA2, EPSILON, LEARNING_RATE, indices, pixels, serve, weights

images = torch.from_numpy(pixels)
encoder, heads, decoder = [
    [[torch.tensor(np.ascontiguousarray(w), requires_grad=True) for w in layer] for layer in part] for part in weights()
]
parameters = [w for part in (encoder, heads, decoder) for layer in part for w in layer]
optimizer = torch.optim.Adam(parameters, LEARNING_RATE, (BETA1, BETA2), EPSILON, fused=True)


def mlp(layers, h):
    for kernel, bias in layers:
        h = torch.relu(torch.addmm(bias, h, kernel))
    return h


def loss(x):
    code = mlp(encoder, x)
    mu, log_var = (torch.addmm(bias, code, kernel) for kernel, bias in heads)
    z = mu + torch.exp(log_var / 2) * torch.randn_like(mu)
    kernel, bias = decoder[-1]
    logits = torch.addmm(bias, mlp(decoder[:-1], z), kernel)
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
    kl = (mu**2 + torch.exp(log_var) - log_var - 1).sum(1) / 2
    return (reconstruction + kl).mean()


objective = torch.compile(loss) if sys.argv[1] == "compile" else loss


def run(steps):
    for rows in indices(steps):
        x = torch.bernoulli(images[torch.from_numpy(rows)] / 255.0)
        optimizer.zero_grad(set_to_none=True)
        objective(x).backward()
        optimizer.step()


serve(run)
