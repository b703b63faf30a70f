"""Reference values of mixtures by NumPy, SciPy and scikit-learn, in float64: writes test/reference/mixtures.json.

Run it by hand if the tests need other values: python3 -m pip install numpy scipy scikit-learn && python3 scripts/reference-mixtures.py
"""

import json
import warnings
from pathlib import Path

import numpy as np
from scipy.special import betaln, digamma, gammaln, logsumexp, multigammaln
from scipy.stats import multivariate_t
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture

warnings.filterwarnings("ignore")  # scikit-learn warns that so few iterations do not converge
ITERATIONS = [1, 5, 50]
SKLEARN = {"spherical": "spherical", "diagonal": "diag", "full": "full"}
random = np.random.default_rng(1)


def grid(values):
    """Rounds to multiples of 1/256, which float32 represents exactly."""
    return np.round(np.asarray(values) * 256) / 256


def blobs(count, pixels, components):
    centres = random.normal(0, 2, (components, pixels))
    mixing = random.normal(0, 0.7, (components, pixels, pixels))
    k = random.integers(0, components, count)
    return grid(centres[k] + np.einsum("nij,nj->ni", mixing[k], random.normal(0, 1, (count, pixels))))


def gaussian_em(x, kind, components):
    covariances = {
        "spherical": np.ones(components) * 2.0,
        "diagonal": np.ones((components, x.shape[1])) * 2.0,
        "full": np.stack([np.eye(x.shape[1]) * 2.0] * components),
    }[kind]
    start = {"weights": np.ones(components) / components, "means": x[:components] * 0.5, "covariances": covariances}
    precisions = np.linalg.inv(covariances) if kind == "full" else 1 / covariances

    def fit(iterations):
        model = GaussianMixture(
            components, covariance_type=SKLEARN[kind], max_iter=iterations, tol=0, reg_covar=1e-6,
            weights_init=start["weights"], means_init=start["means"], precisions_init=precisions,
        )
        return model.fit(x)

    last = fit(ITERATIONS[-1])
    return {
        "covariance": kind,
        "start": flat(start),
        "logProb": {n: fit(n).score(x) for n in ITERATIONS},
        "last": flat({"weights": last.weights_, "means": last.means_, "covariances": last.covariances_}),
    }


def bernoulli_em(x, weights, means, iterations, floor=1e-6, a=1.0, b=1.0, concentration=1.0):
    """EM in float64, with means clipped to [floor, 1 - floor] as in elbo."""
    for _ in range(iterations):
        joint = np.log(weights) + x @ np.log(means).T + (1 - x) @ np.log1p(-means).T
        r = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
        counts = r.sum(0)
        weights = (counts + concentration - 1) / (len(x) + len(counts) * (concentration - 1))
        means = np.clip((r.T @ x + a - 1) / (counts[:, None] + a + b - 2), floor, 1 - floor)
    joint = np.log(weights) + x @ np.log(means).T + (1 - x) @ np.log1p(-means).T
    return {"logProb": logsumexp(joint, axis=1).mean(), "weights": weights, "means": means}


def mean_field(x, kind, components, iterations=30):
    """scikit-learn's mean field, started from responsibilities that assign image n to component n modulo components."""
    r = np.eye(components)[np.arange(len(x)) % components]
    model = BayesianGaussianMixture(
        n_components=components, covariance_type=SKLEARN[kind], reg_covar=0, weight_concentration_prior_type="dirichlet_distribution"
    )
    model._check_parameters(x)
    model._initialize(x, r)
    bounds = []
    for _ in range(iterations):
        log_prob, log_resp = model._e_step(x)
        model._m_step(x, log_resp)
        bounds.append(model._compute_lower_bound(log_resp, log_prob) / len(x))
    last = {
        "concentration": model.weight_concentration_,
        "mean_precision": model.mean_precision_,
        "degrees_of_freedom": model.degrees_of_freedom_,
        "means": model.means_,
        "covariances": model.covariances_,
    }
    return {"covariance": kind, "x": x.ravel().tolist(), "pixels": x.shape[1], "components": components, "bounds": bounds, "last": flat(last)}


def gaussian_evidence(x, kind):
    """log p(x_1, ..., x_n) of one Gaussian with elbo's prior, as a product of Student predictive densities."""
    pixels = x.shape[1]
    m, kappa, nu, scale = np.full(pixels, 0.25), 0.5, pixels + 1.5, np.eye(pixels) * 0.7
    if kind == "full":
        scale = scale + 0.2
    covariance = {"full": scale, "diagonal": np.diag(scale), "spherical": scale[:1, 0]}[kind]
    prior, total = {"meanPrecision": kappa, "degreesOfFreedom": nu, **flat({"mean": m, "covariance": covariance})}, 0.0
    for value in x:
        widen, d = (kappa + 1) / kappa, value - m
        if kind == "full":
            df = nu - pixels + 1
            total += multivariate_t(m, scale * widen / df, df).logpdf(value)
            scale = scale + np.outer(d, d) / widen
        elif kind == "diagonal":
            total += sum(multivariate_t(m[i], scale[i, i] * widen / nu, nu).logpdf(value[i]) for i in range(pixels))
            scale = scale + np.diag(d**2) / widen
        else:
            total += multivariate_t(m, scale * widen / nu, pixels * nu).logpdf(value)
            scale = scale + np.eye(pixels) * (d @ d) / pixels / widen
        m, kappa, nu = m + d / (kappa + 1), kappa + 1, nu + 1
    return {"covariance": kind, "prior": prior, "logEvidence": total}


def bernoulli_evidence(x, components, concentration, a, b):
    """log p(x_1, ..., x_n) by a sum over all assignments of images to components."""
    terms = []
    for index in np.ndindex(*[components] * len(x)):
        r = np.eye(components)[list(index)]
        counts, sums = r.sum(0), r.T @ x
        weights = gammaln(components * concentration) - gammaln(components * concentration + len(x))
        weights += (gammaln(concentration + counts) - gammaln(concentration)).sum()
        terms.append(weights + (betaln(a + sums, b + counts[:, None] - sums) - betaln(a, b)).sum())
    return {"components": components, "concentration": concentration, "a": a, "b": b, "logEvidence": float(logsumexp(terms))}


def flat(arrays):
    return {name: np.ravel(values).tolist() for name, values in arrays.items()}


def special_functions():
    x = [1e-3, 0.1, 0.5, 1, 1.5, 2, 3.7, 9.99, 10, 25.5, 1e3, 1e6]
    return {
        "x": x,
        "logGamma": gammaln(x).tolist(),
        "digamma": digamma(x).tolist(),
        "multivariate": [[p, v, float(multigammaln(v, p))] for p, v in [(1, 0.3), (2, 1.2), (5, 2.5), (20, 40.0)]],
    }


def main():
    x = blobs(97, 3, 3)
    binary = (random.random((120, 6)) < random.random((4, 6))[random.integers(0, 4, 120)]).astype(float)
    start = {"weights": np.full(4, 0.25), "means": grid(random.uniform(0.2, 0.8, (4, 6)))}
    ends = {n: bernoulli_em(binary, start["weights"], start["means"], n) for n in ITERATIONS}
    prior = {"a": 2.0, "b": 3.0, "concentration": 1.5}
    reference = {
        "special": special_functions(),
        "gaussian": {"x": x.ravel().tolist(), "pixels": 3, "components": 3, "em": [gaussian_em(x, kind, 3) for kind in SKLEARN]},
        "bernoulli": {
            "x": binary.ravel().tolist(),
            "pixels": 6,
            "components": 4,
            "start": flat(start),
            "logProb": {n: end["logProb"] for n, end in ends.items()},
            "means": ends[ITERATIONS[-1]]["means"].ravel().tolist(),
            "map": {**prior, "logProb": bernoulli_em(binary, start["weights"], start["means"], 20, **prior)["logProb"]},
        },
    }
    few = blobs(9, 2, 2)
    reference["meanField"] = {
        # scikit-learn's bound is that of its own q only if a component has one precision per pixel: see gaussian-posterior.ts
        "sklearn": [mean_field(x, "full", 4), *(mean_field(x[:, :1], kind, 4) for kind in ["spherical", "diagonal"])],
        "evidence": {"x": few.ravel().tolist(), "pixels": 2, "gaussian": [gaussian_evidence(few, kind) for kind in SKLEARN]},
        "bernoulli": [bernoulli_evidence(binary[:8], k, 0.8, 1.5, 2.0) for k in (1, 2)],
    }
    path = Path(__file__).parent.parent / "test" / "reference" / "mixtures.json"
    path.write_text(json.dumps(reference) + "\n")
    print(f"{path}: {path.stat().st_size} bytes")


main()
