"""Runs an exported model in TensorFlow and in onnxruntime, and the Python programs of its model card.

  npx elbo export first --to published --model-card --saved-model --onnx
  python3 scripts/check-export.py published

Every network gets the same random inputs in both runtimes; the outputs must agree within 1e-5 of their largest value. Needs tensorflow, onnxruntime, NumPy and safetensors.
"""

import os
import re
import subprocess
import sys

import numpy as np
import onnxruntime
import tensorflow as tf

TOLERANCE = 1e-5


def inputs_of(session, random):
    """Random rows for each input: one-hot where it is a class or a component, else values in [0, 1]."""
    count = 5
    one_hot = lambda width: np.eye(width, dtype=np.float32)[random.integers(0, width, count)]
    return {
        port.name: one_hot(port.shape[1]) if port.name in ("label", "component") else random.random((count, port.shape[1]), np.float32)
        for port in session.get_inputs()
    }


def compare(folder):
    """The largest difference between the runtimes, relative to the largest output, by network and output."""
    signatures = tf.saved_model.load(os.path.join(folder, "saved_model")).signatures
    random = np.random.default_rng(1)
    for file in sorted(os.listdir(os.path.join(folder, "onnx"))):
        name = file.removesuffix(".onnx")
        session = onnxruntime.InferenceSession(os.path.join(folder, "onnx", file))
        inputs = inputs_of(session, random)
        outputs = [port.name for port in session.get_outputs()]
        by_tensorflow = signatures[name](**{key: tf.constant(value) for key, value in inputs.items()})
        for key, value in zip(outputs, session.run(outputs, inputs)):
            expected = by_tensorflow[key].numpy()
            difference = np.abs(value - expected).max() / max(1, np.abs(expected).max())
            print(f"{name}({', '.join(inputs)}) -> {key} {list(value.shape)}: largest difference {difference:.1e}")
            if not difference <= TOLERANCE:
                sys.exit(1)


def run_card(folder):
    """Runs the Python programs of README.md; exits if one fails."""
    with open(os.path.join(folder, "README.md")) as file:
        programs = re.findall(r"^### ([^\n]*)\n\n```python\n(.*?)^```$", file.read(), re.S | re.M)
    for heading, code in programs:
        done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
        print(f"{heading}: {done.stdout.strip().splitlines()[-1] if done.returncode == 0 else done.stderr}")
        if done.returncode != 0:
            sys.exit(1)


compare(sys.argv[1])
run_card(sys.argv[1])
