#!/usr/bin/env bash
# Creates the Python environment of the peers in bench/peers/.venv (about 6 GB). Only the benchmarks against the peers need it.
set -euo pipefail
cd "$(dirname "$0")"
python3 -m venv .venv
.venv/bin/pip install --quiet -r requirements.txt
