#!/usr/bin/env bash
# Starts the servers that tests share and leaves them running, for development:
#   scripts/servers/up.sh && . .cache/run/env && go test ./...
# Run again, it only says where they are. down.sh stops them and removes their data.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/shared.sh"
run=$cache/run

# up_already: whether all of an earlier start still run; a reboot ends them and leaves their files.
up_already() {
  local file
  [[ -f $run/env ]] || return 1
  for file in "$run"/*/env; do
    [[ ! -f $file ]] || running "$(dirname "$file")" || return 1
  done
}

up() {
  if up_already; then return 0; fi
  stop_shared "$run" # what an interrupted start or a reboot left
  rm -rf "$run"
  start_shared "$run" || { stop_shared "$run"; die "not all servers started"; }
}
with_lock run up
cat "$run/env"
