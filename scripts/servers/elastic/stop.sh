#!/usr/bin/env bash
# stop.sh [-9] DIR
# Stops the Elasticsearch of DIR, with -9 at once, as in a crash. The data stays.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
[[ $# -ge 1 ]] || { echo "usage: ${0##*/} [-9] DIR" >&2; exit 2; }
stop_server "$@"
