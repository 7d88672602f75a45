#!/usr/bin/env bash
# Stops the servers that up.sh started, and removes their data.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/shared.sh"
run=$cache/run

down() { stop_shared "$run" && rm -rf "$run"; }
with_lock run down
