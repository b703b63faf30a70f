"""PyTorch: `eager`, and `compile`, with the loss through torch.compile; both with fused Adam. A second argument lowers the precision of
matrix products and convolutions: `autocast`, to bfloat16 in the forward pass and so in the backward pass, with losses in float32; `medium`,
by set_float32_matmul_precision.
"""

import sys

import numpy as np
import torch
import torch.nn.functional as F
from protocol import BETA1, BETA2, EPSILON, INNERMOST, LEARNING_RATE, filters, indices, on_gpu, pixels, serve, weights

device = "cuda" if on_gpu else "cpu"
torch.backends.cudnn.allow_tf32 = False  # as for matrix products, and as elbo computes
images = torch.from_numpy(pixels).to(device)
mode, precision = sys.argv[1], "".join(sys.argv[2:])
if precision == "medium":
    torch.set_float32_matmul_precision("medium")


def parameter(w, transposed):
    """A kernel [rows, columns, inputs, outputs] as [outputs, inputs, rows, columns]; as [inputs, outputs, rows, columns] if transposed."""
    axes = ((2, 3, 0, 1) if transposed else (3, 2, 0, 1)) if w.ndim == 4 else range(w.ndim)
    return torch.nn.Parameter(torch.tensor(np.ascontiguousarray(w.transpose(axes)), device=device))


encoder, heads, decoder = [
    [[parameter(w, part is network[2]) for w in layer] for layer in part] for network in [weights()] for part in network
]
parameters = [w for part in (encoder, heads, decoder) for layer in part for w in layer]
optimizer = torch.optim.Adam(parameters, LEARNING_RATE, (BETA1, BETA2), EPSILON, fused=True)


def mlp(layers, h):
    for kernel, bias in layers:
        h = torch.relu(torch.addmm(bias, h, kernel))
    return h


def encode(x):
    if not filters:
        return mlp(encoder, x)
    h = x.view(-1, 1, 28, 28)
    for kernel, bias in encoder[: len(filters)]:
        h = torch.relu(F.conv2d(h, kernel, bias, stride=2, padding=1))
    return mlp(encoder[len(filters) :], h.flatten(1))


def decode(z):
    if not filters:
        kernel, bias = decoder[-1]
        return torch.addmm(bias, mlp(decoder[:-1], z), kernel)
    h = mlp(decoder[: -len(filters)], z).view(-1, filters[-1], INNERMOST, INNERMOST)
    for i, (kernel, bias) in enumerate(decoder[-len(filters) :]):
        h = F.conv_transpose2d(torch.relu(h) if i > 0 else h, kernel, bias, stride=2, padding=1)
    return h.flatten(1)


def loss(x):
    with torch.autocast(device, torch.bfloat16, enabled=precision == "autocast"):
        code = encode(x)
        mu, log_var = (torch.addmm(bias, code, kernel).float() for kernel, bias in heads)
        logits = decode(mu + torch.exp(log_var / 2) * torch.randn_like(mu)).float()
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
    kl = (mu**2 + torch.exp(log_var) - log_var - 1).sum(1) / 2
    return (reconstruction + kl).mean()


objective = torch.compile(loss) if mode == "compile" else loss


def run(steps):
    for rows in indices(steps):
        x = torch.bernoulli(images[torch.from_numpy(rows).to(device)] / 255.0)
        optimizer.zero_grad(set_to_none=True)
        objective(x).backward()
        optimizer.step()
    if on_gpu:
        torch.cuda.synchronize()


if __name__ == "__main__":
    serve(run)
