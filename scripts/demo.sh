#!/usr/bin/env bash
# demo.sh [stop]
# Shows meepo-replicate at work on servers of its own: starts MariaDB (or MySQL) and
# Elasticsearch, fills a shop, copies it, follows its changes, and shows rows beside
# documents. It needs Debian or Ubuntu, and root only for what has to be installed.
#
#   SOURCE=mariadb|mysql  the source (mariadb)
#   KEEP=1                leave the servers running at the end; "demo.sh stop" ends them
#   DOCKER=0              use no Docker engine, even if there is one
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/servers/lib.sh"
cd "$repo"

source=${SOURCE:-mariadb} keep=${KEEP:-} run=$cache/demo
run=${run#"$repo"/} # shorter to read
state=$run/meepo-state.db log=${cache#"$repo"/}/demo.log
compose=(docker compose --project-name meepo-demo --file compose.yaml)
replicator= installing= # processes while they run
began= number=0 started=$EPOCHREALTIME

seconds_since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f s", b - a }'; }
# step TITLE: ends the step before and begins the next.
step() {
  [[ -z $began ]] || echo "   done in $(seconds_since "$began")"
  began=$EPOCHREALTIME number=$((number + 1))
  printf '\n%d. %s\n' "$number" "$1"
}
say() { echo "   $*"; }
# until_true SECONDS WHAT CMD...: asks until CMD succeeds; ends the demo when it never does.
until_true() {
  local until=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [[ -z $replicator ]] || kill -0 "$replicator" 2>/dev/null || die "the replicator has ended, see $log"
    ((SECONDS < until)) || die "$what did not happen in time, see $log"
    sleep 0.1
  done
}

with_docker() {
  [[ ${DOCKER:-1} != 0 ]] && docker compose version >/dev/null 2>&1 && docker info >/dev/null 2>&1
}

# need_go: a Go that can build the project is on the PATH afterwards. An older one than
# go.mod asks for fetches the right one itself, from Go 1.21 on.
need_go() {
  local version
  version=$(go env GOVERSION 2>/dev/null || true)
  [[ $version =~ ^go1\.([0-9]+) && ${BASH_REMATCH[1]} -ge 21 ]] && return 0
  [[ -f /usr/share/keyrings/debian-archive-keyring.gpg ]] || die "please install Go 1.26 or later: https://go.dev/dl/"
  [[ -x $installs/go/usr/lib/go-1.26/bin/go ]] || {
    say "unpacking Go 1.26 in $installs/go"
    "$servers/apt-root.sh" "$installs/go" sid golang-1.26-go
  }
  export PATH=$installs/go/usr/lib/go-1.26/bin:$PATH
}

# build OUT PACKAGE: without a line for each module that is fetched.
build() { go build -o "$1" "$2" 2> >(sed '/^go: downloading/d' >&2); }

# install_servers: one after the other, since both may use apt.
install_servers() {
  if with_docker; then
    touch "$run/docker"
    "${compose[@]}" pull --quiet "$source" elasticsearch
  else
    "$servers/$source-install.sh" && "$servers/elastic/install.sh"
  fi >"$run/install.log" 2>&1 || { cat "$run/install.log" >&2; return 1; }
}

start_servers() {
  if with_docker; then
    "${compose[@]}" up --detach --wait --quiet-pull "$source" elasticsearch
    port=3307 elastic=http://127.0.0.1:9200
    [[ $source == mariadb ]] || port=3306
    return
  fi
  local elastic_port
  port=$(free_port) elastic_port=$(free_port)
  "$servers/$source.sh" start "$run/$source" "$port" &
  ES_HEAP=512m "$servers/elastic/start.sh" "$run/elastic" "$elastic_port" >/dev/null
  wait $! || die "$source did not start"
  elastic=http://127.0.0.1:$elastic_port
}

# stop_servers: ends what start_servers started, with its data.
stop_servers() {
  local dir
  for dir in "$run"/{mariadb,mysql,elastic}; do
    [[ ! -d $dir ]] || stop_server "$dir"
  done
  if [[ -f $run/docker ]]; then "${compose[@]}" down --volumes; fi
  rm -rf "$run"
}

# stop_replicator SIGNAL: signals the replicator and waits for its end.
stop_replicator() {
  local pid=$replicator
  replicator=
  [[ -z $pid ]] || { kill "-$1" "$pid" 2>/dev/null || true; wait "$pid"; }
}

finish() {
  local status=$?
  trap '' INT TERM HUP
  stop_replicator KILL 2>/dev/null || true
  [[ -z $installing ]] || wait "$installing" || true # nothing is left half installed
  if [[ $status != 0 && $status -lt 128 && -f $log ]]; then
    printf '\nThe last lines of the replicator:\n' >&2
    tail -n 5 "$log" >&2
  fi
  if [[ -z $keep || $status != 0 ]]; then stop_servers >/dev/null 2>&1 || true; fi
  exit "$status"
}

# start_replicator: runs it in the background; what it says goes to its log and, indented,
# to the terminal.
start_replicator() {
  : >"$log"
  "${replicate[@]}" >>"$log" 2>&1 &
  replicator=$!
  tail --pid="$replicator" -n +1 -f "$log" 2>/dev/null |
    sed -u -E 's/^time=[^ ]*T([0-9:]{8})[^ ]* level=([A-Z]+) msg=/\1 \2 /; s/^(.{130}).+/\1…/; s/^/   | /' &
  shown=$!
}

# configure: writes what the commands of the end need, so that they are short.
configure() {
  cat >"$run/meepo.yaml" <<END
version: 1
source: {url: "mysql://repl@127.0.0.1:$port/shop", password_file: password}
target: {kind: elastic, url: "$elastic"}
state: meepo-state.db
tables: [shop.*]
END
  echo repl >"$run/password"
  cat >"$run/shop" <<END
#!/bin/sh
exec '$(cd "$run" && pwd)/bin/shop' --url mysql://app:app@127.0.0.1:$port/shop --elastic $elastic "\$@"
END
  chmod +x "$run/shop"
}

copied() {
  bin/meepo-replicate status --state "$state" --json >"$run/status.json" 2>/dev/null || return 1
  grep -q '"copied": true' "$run/status.json" && ! grep -q '"copied": false' "$run/status.json"
}

demo() {
  step "Install the servers, and build (the first time takes a minute or more)"
  need_go
  install_servers & # beside the build
  installing=$!
  export CGO_ENABLED=0
  build bin/meepo-replicate ./cmd/meepo-replicate
  build "$run/bin/shop" ./internal/demo/shop
  say "built bin/meepo-replicate"
  wait "$installing" || die "cannot install the servers"
  installing=

  step "Start $source and Elasticsearch"
  start_servers
  say "$source at 127.0.0.1:$port, Elasticsearch at $elastic"

  configure
  shop=("$run/shop")
  replicate=(bin/meepo-replicate --target elastic --target-url "$elastic"
    --source "mysql://repl@127.0.0.1:$port/shop" --all-tables --state "$state")
  export MEEPO_SOURCE_PASSWORD=repl

  step "Fill a shop"
  say "$("${shop[@]}" fill)"

  step "Copy the shop, and follow it from now on"
  say "${replicate[*]:0:5} \\"
  say "  ${replicate[*]:5}"
  start_replicator
  until_true 300 "the copy" copied
  "${shop[@]}" counts --wait 30s

  step "Find a product by words"
  "${shop[@]}" search copper kettle

  step "Change 1,000 rows in the source while the replicator follows"
  local changed order
  changed=$("${shop[@]}" changes --count 1000 --seed 2)
  order=${changed##*last order }
  say "${changed%%$'\n'*}"
  "${shop[@]}" counts --wait 120s
  echo
  "${shop[@]}" show orders "$order" --wait 120s

  step "Stop the replicator"
  stop_replicator INT || die "the replicator ended with an error, see $log"
  wait "$shown" || true
  say "done in $(seconds_since "$began")"
  printf '\nThe demo took %s.\n' "$(seconds_since "$started")"
  what_next
}

what_next() {
  if [[ -z $keep ]]; then
    cat <<END

What to try next
   make demo KEEP=1         the same, but the servers stay, with commands to try on them
   make demo SOURCE=mysql   with MySQL in place of MariaDB
   bin/meepo-replicate --help
   README.md says how to use it with servers of your own
END
    return
  fi
  cat <<END

The servers are still running. What to try next
   bin/meepo-replicate --config $run/meepo.yaml
      in another terminal: goes on where it stopped; Ctrl-C ends it
   $run/shop changes --seed 3
      changes 1,000 more rows
   $run/shop counts --wait 30s
   $run/shop show order_items 17 1
   bin/meepo-replicate events --config $run/meepo.yaml --format plain
      in another terminal: the changes themselves, as they come
   bin/meepo-replicate status --config $run/meepo.yaml
   curl '$elastic/shop.reviews/_search?q=body:handle&size=3&pretty'
   scripts/demo.sh stop
      stops the servers and removes their data
END
}

case ${1:-} in
'') ;;
stop) stop_servers; exit ;;
*) die "usage: demo.sh [stop]" ;;
esac
[[ $source == mariadb || $source == mysql ]] || die "SOURCE is mariadb or mysql, not $source"
stop_servers # of a demo before, with KEEP=1 or cut short
mkdir -p "$run"
rm -f "$log"
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
demo
