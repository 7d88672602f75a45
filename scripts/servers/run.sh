#!/usr/bin/env bash
# run.sh CMD...: runs CMD with fresh servers, and stops them when it ends, however
# it ends. A server whose variable (MEEPO_TEST_MARIADB_URL, …) is set already is
# not started. The exit code is CMD's. The servers' logs are kept until the next run
# in the cache folder, in test/*/err.log.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/shared.sh"
[[ $# -ge 1 ]] || { echo "usage: ${0##*/} CMD..." >&2; exit 2; }
run=$cache/test

exec 8>"$cache/test.lock"
flock -n 8 || { echo "waiting for another test run to end" >&2; flock 8; }

command= # the process group of CMD while it runs
finish() {
  trap '' INT TERM HUP
  if [[ -n $command ]] && kill -TERM -- "-$command" 2>/dev/null; then wait "$command" || true; fi
  wait # for servers that are just being started: only then can they be stopped
  stop_shared "$run" 8>&- || echo "${0##*/}: a server did not stop, see $run" >&2
  [[ ! -d $run ]] || find "$run" -mindepth 2 -maxdepth 2 \( -name data -o -name tmp \) -exec rm -rf {} +
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

stop_shared "$run" 8>&- # what a killed run left
rm -rf "$run"
start_shared "$run" 8>&- || die "not all servers started"
. "$run/env"
# In the background, so that a signal is acted on at once, and in a group of its
# own, so that the signal then reaches all that CMD started.
set -m
"$@" 8>&- &
command=$!
set +m
status=0
wait "$command" || status=$?
command=
exit "$status"
