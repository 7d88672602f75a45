#!/usr/bin/env bash
# fuzz.sh TIME [fresh]: runs each fuzz target of the repository in turn for TIME (such as 30s), and
# fails if one finds something. It goes on from what earlier runs found interesting, or, fresh, from
# the seeds below testdata/fuzz alone. Go puts an input that fails there; commit it with the fix.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[[ $# -ge 1 && ( $# -eq 1 || ( $# -eq 2 && $2 == fresh ) ) ]] || { echo "usage: ${0##*/} TIME [fresh]" >&2; exit 2; }
time=$1 targets=0 failed=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
corpus=$tmp/corpus
[[ $# -eq 2 ]] || corpus=$(go env GOCACHE)/fuzz/$(go list -m)

# run PACKAGE TARGET. Without a limit on shrinking, a short run is spent on nothing else.
run() {
  (cd "$1" && "$tmp/fuzz.test" -test.run '^$' -test.fuzz "^$2\$" -test.fuzztime "$time" \
    -test.fuzzminimizetime 10x -test.fuzzcachedir "$corpus/$1") >"$tmp/log" 2>&1
}

# Go before 1.27 may take the end of TIME for a failure (go.dev/issue/75804): it has found nothing then.
ended_in_time() { grep -q 'context deadline exceeded' "$tmp/log" && ! grep -q 'Failing input' "$tmp/log"; }

fuzz() {
  local try
  targets=$((targets + 1))
  for try in 1 2 3; do
    if run "$1" "$2"; then
      printf '%-16s %-20s ok, %s\n' "$1" "$2" "$(grep -o 'execs: [0-9]*' "$tmp/log" | tail -1)"
      return
    fi
    ended_in_time || break
  done
  failed=$((failed + 1))
  printf '%-16s %-20s FAILED\n' "$1" "$2"
  cat "$tmp/log"
}

for package in $(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -r dirname | sort -u); do
  package=${package#./}
  go test -c -fuzz . -o "$tmp/fuzz.test" "./$package"
  for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$package"/*_test.go); do fuzz "$package" "$target"; done
done

[[ $targets -gt 0 ]] || { echo "${0##*/}: there are no fuzz targets" >&2; exit 1; }
[[ $failed -eq 0 ]] || { echo "${0##*/}: $failed of $targets fuzz targets failed" >&2; exit 1; }
