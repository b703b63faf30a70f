#!/usr/bin/env bash
# Makes the Python environment of the peers in bench/peers/.venv (about 6 GB). Only `node bench/peers.mjs` needs it; the product never does.
set -euo pipefail
cd "$(dirname "$0")"
python3 -m venv .venv
.venv/bin/pip install --quiet -r requirements.txt
