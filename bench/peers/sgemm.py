"""The floor: nothing but the matrix products of one training step, forward and backward, by PyTorch's float32 `mm` into given outputs.

A convolution counts as the product of its patches with its kernel.
"""

import torch
from protocol import INNERMOST, KERNEL, batch, filters, hidden, latent, serve

flat = INNERMOST * INNERMOST * filters[-1] if filters else 784
widths = [flat, *hidden], [latent, *hidden[::-1], flat]
shapes = [(batch, *pair) for path in widths for pair in zip(path, path[1:])] + [(batch, hidden[-1], latent)] * 2
for i, (fewer, more) in enumerate(zip([1, *filters], filters)):
    positions = batch * (14 // 2**i) ** 2
    patch = KERNEL * KERNEL * fewer
    shapes = [(positions, patch, more), *shapes, (positions, more, patch)]
layers = [
    [torch.randn(shape) for shape in ((rows, inputs), (inputs, outputs), (rows, outputs))] for rows, inputs, outputs in shapes
]
outputs = [[torch.empty_like(part) for part in layer] for layer in layers]
first = len(filters) - 1 if filters else 0  # nobody needs the gradient of the images


@torch.inference_mode()
def run(steps):
    for _ in range(steps):
        for i, ((x, kernel, y), (gradient_x, gradient_kernel, product)) in enumerate(zip(layers, outputs)):
            torch.mm(x, kernel, out=product)
            torch.mm(x.T, y, out=gradient_kernel)
            if i != first:
                torch.mm(y, kernel.T, out=gradient_x)


serve(run)
