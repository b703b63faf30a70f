"""Recomputes ELBO and log p(x) of a run in float64 NumPy, from its files alone, and compares them with `elbo evaluate`.

  npx elbo evaluate first --samples 500 --save values.safetensors
  python3 scripts/check-likelihood.py checkpoints/first values.safetensors [images, default 500] [samples]

It uses the first `images` of the values, and the same number of samples per image, because the bias of the estimate depends on it. Values
with another number of samples, or of another run, snapshot or method, are refused. The two results may differ by four standard errors of
the mean difference, which are estimated from the spread over images: the stated errors are too small if few samples are effective. Run it
after changes to objectives, evaluation or checkpoints. Needs NumPy only.
"""

import hashlib
import json
import os
import sys

import numpy as np
from safetensors_file import finite, read_safetensors


ACTIVATIONS = {
    "relu": lambda a: np.maximum(a, 0),
    "tanh": np.tanh,
    "softplus": lambda a: np.logaddexp(0, a),
    "elu": lambda a: np.where(a > 0, a, np.expm1(np.minimum(a, 0))),
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
}


def convolution(maps, kernel, bias):
    """Stride 2 and padding 'same': [n, rows, columns, in] with [k, k, in, out] gives [n, rows / 2, columns / 2, out]."""
    k = len(kernel)
    before, after = (k - 2) // 2, (k - 1) // 2
    padded = np.pad(maps, ((0, 0), (before, after), (before, after), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (k, k), (1, 2))[:, ::2, ::2]  # [n, rows, columns, in, k, k]
    return np.einsum("nrcikl,klio->nrco", windows, kernel, optimize=True) + bias


def transposed_convolution(maps, kernel, bias):
    """Stride 2 and padding 'same': [n, rows, columns, in] with [k, k, out, in] gives [n, 2 rows, 2 columns, out]."""
    k = len(kernel)
    n, rows, columns, _ = maps.shape
    drawn = np.zeros((n, 2 * rows + k - 2, 2 * columns + k - 2, kernel.shape[2]))
    for i in range(k):
        for j in range(k):
            drawn[:, i : i + 2 * rows : 2, j : j + 2 * columns : 2] += maps @ kernel[i, j].T
    before = (k - 2) // 2
    return drawn[:, before : before + 2 * rows, before : before + 2 * columns] + bias


class Networks:
    """Encoder and decoder of a run, in float64; `size` is the rows and columns of an image, `y` its one-hot class in a conditional model, [n, classes]."""

    def __init__(self, config, weights, size, y=None):
        self.config, self.weights, self.size, self.y = config, weights, size, y
        self.filters = config["filters"] or []
        self.activation = ACTIVATIONS[config["activation"]]

    def layer(self, name):
        return self.weights[f"{name}/kernel"], self.weights[f"{name}/bias"]

    def dense(self, name, inputs):
        kernel, bias = self.layer(name)
        return inputs @ kernel + bias

    def with_class(self, features):
        return features if self.y is None else np.concatenate([features, self.y], 1)

    def hidden(self, network, inputs, units):
        for i in range(len(units)):
            inputs = self.activation(self.dense(f"{network}/hidden_{i + 1}", inputs))
        return inputs

    def encode(self, x):
        """The features from which the heads compute q(z|x): [n, pixels] gives [n, units]."""
        if self.filters:
            maps = x.reshape(-1, *self.size, 1)
            for i in range(len(self.filters)):
                maps = self.activation(convolution(maps, *self.layer(f"encoder/conv_{i + 1}")))
            x = maps.reshape(len(x), -1)
        return self.hidden("encoder", self.with_class(x), self.config["hidden"])

    def decode(self, z, head):
        """[n, latent dimensions] gives [n, pixels]."""
        features = self.hidden("decoder", self.with_class(z), self.config["hidden"])
        if not self.filters:
            return self.dense(f"decoder/{head}", features)
        smallest = [length // 2 ** len(self.filters) for length in self.size]
        maps = self.activation(self.dense("decoder/features", features)).reshape(-1, *smallest, self.filters[-1])
        for i in range(len(self.filters) - 1):
            maps = self.activation(transposed_convolution(maps, *self.layer(f"decoder/conv_{i + 1}")))
        return transposed_convolution(maps, *self.layer(f"decoder/{head}")).reshape(len(z), -1)

    def gaussian(self, network, features):
        return self.dense(f"{network}/mu", features), self.dense(f"{network}/log_var", features)


def log_likelihood(networks, x, z):
    """log p(x|z) of each row."""
    likelihood, variance = networks.config["likelihood"], networks.config["pixelVariance"]
    logits = networks.decode(z, "logits")
    if likelihood == "bernoulli":
        return (x * logits - np.logaddexp(0, logits)).sum(1)
    if likelihood == "continuous-bernoulli":
        return (x * logits - log_normalizer(logits)).sum(1)
    if variance == "learned":
        variance = np.exp(networks.decode(z, "log_var")) + 1 / (12 * 255**2)
    mean = 1 / (1 + np.exp(-logits))
    return -0.5 * (np.log(2 * np.pi * variance) + (x - mean) ** 2 / variance).sum(1)


def log_normalizer(logits):
    """log((e^l - 1) / l), computed by its series near 0."""
    small = np.abs(logits) < 1e-4
    size = np.abs(np.where(small, 1, logits))
    return np.where(small, logits / 2 + logits**2 / 24, np.maximum(logits, 0) + np.log(-np.expm1(-size) / size))


def draw_binary(networks, code, random):
    """z and log p(z) - log q(z|x)."""
    logits = networks.dense("encoder/logits", code)
    z = (random.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(np.float64)
    return z, -np.log(2) * logits.shape[1] - (z * logits - np.logaddexp(0, logits)).sum(1)


def draw_gaussian(networks, code, random):
    """z and log p(z) - log q(z|x)."""
    mu, log_var = networks.gaussian("encoder", code)
    epsilon = random.standard_normal(mu.shape)
    z = mu + np.exp(log_var / 2) * epsilon
    return z, (epsilon**2 + log_var).sum(1) / 2 - (z**2).sum(1) / 2


def draw_layers(networks, code, random):
    """h1, and log p(h1|h2) p(h2) - log q(h1|x) q(h2|h1)."""
    def upper(network, h):
        return networks.gaussian(network, networks.hidden(network, h, networks.config["upperHidden"] or []))

    mu, log_var = networks.gaussian("encoder", code)
    epsilon = random.standard_normal(mu.shape)
    h1 = mu + np.exp(log_var / 2) * epsilon
    mu2, log_var2 = upper("upper_encoder", h1)
    epsilon2 = random.standard_normal(mu2.shape)
    h2 = mu2 + np.exp(log_var2 / 2) * epsilon2
    mean, log_variance = upper("upper_decoder", h2)
    log_prior = -(log_variance + (h1 - mean) ** 2 / np.exp(log_variance)).sum(1) / 2 - (h2**2).sum(1) / 2
    return h1, log_prior + (epsilon**2 + log_var).sum(1) / 2 + (epsilon2**2 + log_var2).sum(1) / 2


def draw_log_weights(networks, x, samples):
    """log p(x, z) - log q(z|x) of draws from q(z|x): [samples, images]."""
    draw = {"gaussian": draw_gaussian, "bernoulli": draw_binary}[networks.config["latents"]]
    if networks.config.get("upperLatentDim") is not None:
        draw = draw_layers
    code = networks.encode(x)
    random = np.random.default_rng(0)
    log_weights = np.empty((samples, len(x)))
    for k in range(samples):
        z, log_prior_ratio = draw(networks, code, random)
        log_weights[k] = log_likelihood(networks, x, z) + log_prior_ratio
    return log_weights


def whole_number(text, name):
    if not text.isdecimal() or int(text) < 2:
        sys.exit(f"{name} {text}: a whole number of at least 2 was expected, for the standard errors")
    return int(text)


def require_values(values, metadata, path, run, samples):
    """Exits with a message unless the values are of this run, by importance sampling from q, with this number of samples."""
    if metadata.get("method", "importance") != "importance":
        sys.exit(f"{path}: values of --method {metadata['method']}; those of --method importance were expected")
    missing = [name for name in ("run", "snapshot", "step", "samples", "defensive") if name not in metadata]
    if missing:
        sys.exit(f"{path}: no '{missing[0]}' in the metadata; write the file again with `elbo evaluate RUN --save {path}`")
    if metadata["run"] != os.path.basename(os.path.abspath(run)):
        sys.exit(f"{path}: values of run {metadata['run']}, not of {run}")
    if float(metadata["defensive"]) != 0:
        sys.exit(f"{path}: values with --defensive {metadata['defensive']}; this script draws from q(z|x) only: evaluate without --defensive")
    if samples is not None and samples != int(metadata["samples"]):
        sys.exit(f"samples {samples}: {path} was computed with {metadata['samples']}, on which the bias depends: give that number, or none")
    whole_number(metadata["samples"], f"{path}: samples")
    for name in ("log_px", "log_px_standard_error", "elbo"):
        finite(values, name, path)
    if len(values["log_px"]) < 2:
        sys.exit(f"{path}: values of one image; two or more are needed for an error")


def read_config(run):
    try:
        with open(f"{run}/config.json") as file:
            return json.load(file)
    except OSError as error:
        sys.exit(f"{run}/config.json: {error.strerror}; the folder of a run was expected")
    except (ValueError, RecursionError):
        sys.exit(f"{run}/config.json: damaged: not JSON")


def require_files(folder, digests):
    """Exits with a message unless each file beside state.safetensors has the digest that its metadata record."""
    for name, digest in digests.items():
        try:
            with open(f"{folder}/{name}", "rb") as file:
                found = hashlib.sha256(file.read()).hexdigest()
        except OSError as error:
            sys.exit(f"{folder}/{name}: {error.strerror}; a file of the snapshot was expected")
        if found != digest:
            sys.exit(f"{folder}/{name}: sha256 does not match state.safetensors: changed or damaged after it was written")


def require_settings(config, settings, run):
    """Exits with a message unless config.json has the settings that the snapshot was made with."""
    for name, value in settings.items():
        if config.get(name) != value:
            sys.exit(f"{run}/config.json: {name} is {json.dumps(config.get(name))}, but the snapshot was made with {json.dumps(value)}")


def read_weights(run, config, metadata, values_path):
    """The weights, in float64, of the snapshot that the values were computed from. Exits with a message if it is damaged or has been replaced since."""
    path = f"{run}/{metadata['snapshot']}/state.safetensors"
    state, about = read_safetensors(path)
    require_files(os.path.dirname(path), json.loads(about["files"]))
    require_settings(config, json.loads(about["settings"]), run)
    step = json.loads(about["position"])["step"]
    if str(step) != metadata["step"]:
        sys.exit(f"{values_path}: values of the snapshot of step {metadata['step']}, but {path} is of step {step}; evaluate again")
    classes = json.loads(about["data"]).get("classes")
    return {name: value.astype(np.float64) for name, value in state.items()}, classes


def one_hot(values, classes, path):
    """[n, classes] in a conditional model, otherwise None. Exits with a message if the values do not say which class an image is of."""
    if classes is None:
        return None
    if "class" not in values:
        sys.exit(f"{path}: no 'class': write the file again with `elbo evaluate RUN --save {path}`")
    return np.eye(len(classes["names"]))[values["class"].astype(int)]


def main(run, values_path, images=500, samples=None):
    config = read_config(run)
    values, metadata = read_safetensors(values_path)
    require_values(values, metadata, values_path, run, samples)
    weights, classes = read_weights(run, config, metadata, values_path)
    values = {name: value[:images] for name, value in values.items()}
    networks = Networks(config, weights, values["x"].shape[1:], one_hot(values, classes, values_path))
    x = values["x"].astype(np.float64)
    log_weights = draw_log_weights(networks, x.reshape(len(x), -1), int(metadata["samples"]))
    print(f"{len(x)} images, {len(log_weights)} draws here; nats per image")
    theirs = {name: value.astype(np.float64) for name, value in values.items()}
    if not all([compare_log_px(log_weights, theirs), compare_elbo(log_weights, theirs)]):
        sys.exit("the two disagree by more than four standard errors")


def compare_log_px(log_weights, theirs):
    samples, images = log_weights.shape
    top = log_weights.max(0)
    relative = np.exp(log_weights - top)
    log_px = top + np.log(relative.mean(0))
    errors = relative.std(0, ddof=1) / relative.mean(0) / np.sqrt(samples)
    # the same images on both sides, two independent sets of draws
    stated = np.sqrt((errors**2).sum() + (theirs["log_px_standard_error"] ** 2).sum()) / images
    return compare("log p(x)", log_px, theirs["log_px"], stated)


def compare_elbo(log_weights, theirs):
    samples, images = log_weights.shape
    stated = np.sqrt(2 * (log_weights.var(0, ddof=1) / samples).sum()) / images
    return compare("ELBO", log_weights.mean(0), theirs["elbo"], stated)


def compare(name, ours, theirs, stated):
    """Prints two estimates for the same images. Returns whether their means agree within four standard errors of the mean difference."""
    differences = ours - theirs
    difference, error = differences.mean(), differences.std(ddof=1) / np.sqrt(len(differences))
    print(f"{name:8}  {ours.mean():9.4f}  elbo's {theirs.mean():9.4f}  difference {difference:+.4f}, "
          f"standard error {error:.4f} by the spread over images, {stated:.4f} as stated")
    return abs(difference) <= 4 * error  # False for NaN


if not 3 <= len(sys.argv) <= 5:
    sys.exit(__doc__)
main(*sys.argv[1:3], *map(whole_number, sys.argv[3:], ["images", "samples"]))
