"""The floor: nothing but the matrix products of one training step, forward and backward, by PyTorch's float32 `mm` into given outputs."""

import torch
from protocol import batch, hidden, latent, serve

widths = [784, *hidden], [latent, *hidden[::-1], 784]
shapes = [pair for path in widths for pair in zip(path, path[1:])] + [(hidden[-1], latent)] * 2
layers = [
    [torch.randn(shape) for shape in ((batch, inputs), (inputs, outputs), (batch, outputs))] for inputs, outputs in shapes
]
outputs = [[torch.empty_like(part) for part in layer] for layer in layers]


@torch.inference_mode()
def run(steps):
    for _ in range(steps):
        for i, ((x, kernel, y), (gradient_x, gradient_kernel, product)) in enumerate(zip(layers, outputs)):
            torch.mm(x, kernel, out=product)
            torch.mm(x.T, y, out=gradient_kernel)
            if i > 0:  # nobody needs the gradient of the images
                torch.mm(y, kernel.T, out=gradient_x)


serve(run)
