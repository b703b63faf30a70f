"""Compares an estimate of log p(x) with exact values for the same images, such as those by quadrature, image by image.

  npx elbo evaluate plane --images 500 --method quadrature --save exact.safetensors
  npx elbo evaluate plane --images 500 --method ais --save ais.safetensors
  python3 scripts/compare-estimates.py ais.safetensors exact.safetensors

Needs NumPy only.
"""

import sys

import numpy as np
from safetensors_file import finite, read_safetensors


def main(path, exact_path):
    values, _ = read_safetensors(path)
    log_px, exact = finite(values, "log_px", path), finite(read_safetensors(exact_path)[0], "log_px", exact_path)
    if len(log_px) != len(exact):
        sys.exit(f"{path} has {len(log_px)} images and {exact_path} {len(exact)}; give both the same --images")
    difference = log_px - exact
    worst = np.abs(difference).argmax()
    print(f"{len(exact)} images; nats per image")
    print(f"mean {difference.mean():+.4f}, median {np.median(difference):+.4f}, worst {difference[worst]:+.2f} (image {worst})")
    print(f"off by more than 0.1: {(np.abs(difference) > 0.1).sum()}, by more than 1: {(np.abs(difference) > 1).sum()}")
    print(f"root mean square {np.sqrt((difference**2).mean()):.3f}", end="")
    errors = values.get("log_px_standard_error")
    print("" if errors is None else f", of the stated errors {np.sqrt(np.nanmean(errors**2)):.3f}, "
          f"of their ratios {np.sqrt(np.nanmean((difference / errors) ** 2)):.2f}")


if len(sys.argv) != 3:
    sys.exit(__doc__)
main(*sys.argv[1:])
