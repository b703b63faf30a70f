"""Effective sample sizes and split R-hats by ArviZ, for test/sampling/diagnostics.test.ts.

  pip install numpy 'arviz<1'
  python3 scripts/reference-chains.py        # writes test/reference/chains.json; then npm run format
"""

import json
from pathlib import Path

import arviz
import numpy as np

random = np.random.default_rng(1)


def autoregressive(chains, draws, rho, shift=0.0):
    """Stationary chains x_t = rho x_(t-1) + noise; chain number i is shifted by `shift` times i."""
    x = random.normal(size=(chains, draws))
    for t in range(1, draws):
        x[:, t] = rho * x[:, t - 1] + np.sqrt(1 - rho**2) * x[:, t]
    return np.round(x + shift * np.arange(chains)[:, None], 4)


cases = {
    "independent draws": autoregressive(4, 100, 0),
    "autocorrelated draws": autoregressive(4, 200, 0.8),
    "antithetic draws": autoregressive(2, 150, -0.6),
    "one chain, an odd number of draws": autoregressive(1, 101, 0.5),
    "chains that have not mixed": autoregressive(3, 50, 0.9, shift=2),
    "a trend": np.round(autoregressive(2, 60, 0.2) + np.linspace(0, 3, 60), 4),
    "four draws a chain": autoregressive(4, 4, 0),
    "nine draws a chain": autoregressive(3, 9, 0.3),
}
reference = {
    "by": f"ArviZ {arviz.__version__}: scripts/reference-chains.py",
    "cases": [
        {
            "name": name,
            "chains": x.tolist(),
            "ess": float(arviz.ess(x, method="mean")),
            "rHat": float(arviz.rhat(x, method="split")) if len(x) > 1 else None,  # ArviZ needs two chains
        }
        for name, x in cases.items()
    ],
}
with open(Path(__file__).parent.parent / "test/reference/chains.json", "w") as file:
    json.dump(reference, file)
for case in reference["cases"]:
    print(case["name"], case["ess"], case["rHat"])
