"""PyTorch's DistributedDataParallel by gloo: two processes, of one thread each, which divide every batch. The first one follows the protocol and tells
the second, which it starts, how many steps to run.
"""

import os
import socket
import subprocess
import sys

sys.argv[1:] = ["eager"]

import torch  # noqa: E402
import torch.distributed as cluster  # noqa: E402
from protocol import BETA1, BETA2, EPSILON, LEARNING_RATE, indices, serve  # noqa: E402
from torch_vae import images, loss, parameters  # noqa: E402

COUNT = 2
rank, port = int(os.environ.get("BENCH_RANK", 0)), os.environ.get("BENCH_PORT")
torch.set_num_threads(1)
other = None
if port is None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    env = {**os.environ, "BENCH_RANK": "1", "BENCH_PORT": port}
    other = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, env=env, text=True)
cluster.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=COUNT)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weights = torch.nn.ParameterList(parameters)

    def forward(self, x):
        return loss(x)


model = torch.nn.parallel.DistributedDataParallel(Model())
optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE, (BETA1, BETA2), EPSILON, fused=True)


def run(steps):
    if other is not None:
        print(steps, file=other.stdin, flush=True)
    for rows in indices(steps):
        x = torch.bernoulli(images[torch.from_numpy(rows[rank::COUNT])] / 255.0)
        optimizer.zero_grad(set_to_none=True)
        model(x).backward()
        optimizer.step()


if other is not None:
    serve(run)
else:
    for line in sys.stdin:
        run(int(line))
