#!/usr/bin/env bash
# demo.sh [stop]
# Shows meepo-replicate at work on servers of its own: starts a source and a target, fills a
# shop, copies it, follows its changes, is killed and goes on, and compares every field of both
# ends. It needs Debian or Ubuntu, and root only for what has to be installed.
#
#   SOURCE=mariadb|mysql|postgres  the source (mariadb)
#   TARGET=elastic|mongo|postgres  the target (elastic)
#   KEEP=1                         leave the servers running at the end; "demo.sh stop" ends them
#   DOCKER=0                       use no Docker engine, even if there is one
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/servers/lib.sh"
cd "$repo"

source=${SOURCE:-mariadb} target=${TARGET:-elastic} keep=${KEEP:-} run=$cache/demo
run=${run#"$repo"/} # shorter to read
state=$run/meepo-state.db log=${cache#"$repo"/}/demo.log
compose=(docker compose --project-name meepo-demo --file compose.yaml)
declare -A title=([mariadb]=MariaDB [mysql]=MySQL [postgres]=PostgreSQL [elastic]=Elasticsearch [mongo]=MongoDB)
declare -A port=([mariadb]=3307 [mysql]=3306 [postgres]=5432 [elastic]=9200 [mongo]=27017) # those of compose.yaml
ends=("$source")
[[ $target == "$source" ]] || ends+=("$target") # one PostgreSQL can be both
services=("${ends[@]/#elastic/elasticsearch}")  # as compose.yaml calls them
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

# install_servers: one after the other, since they may use apt.
install_servers() {
  local end
  if with_docker; then
    touch "$run/docker"
    "${compose[@]}" pull --quiet "${services[@]}"
    return
  fi
  for end in "${ends[@]}"; do
    if [[ $end == elastic ]]; then "$servers/elastic/install.sh"; else "$servers/$end-install.sh"; fi || return
  done
}

# start_server NAME: with its files in a folder of that name.
start_server() {
  case $1 in
  elastic) ES_HEAP=512m "$servers/elastic/start.sh" "$run/elastic" "${port[elastic]}" >/dev/null ;;
  *) "$servers/$1.sh" start "$run/$1" "${port[$1]}" ;;
  esac
}

start_servers() {
  local end pids=() n
  if with_docker; then
    "${compose[@]}" up --detach --wait --quiet-pull "${services[@]}"
    return
  fi
  for end in "${ends[@]}"; do
    port[$end]=$(free_port)
    start_server "$end" &
    pids+=($!)
  done
  for n in "${!pids[@]}"; do wait "${pids[n]}" || die "${title[${ends[n]}]} did not start"; done
}

# name_ends: where both ends are, for the accounts that each script and compose.yaml make.
name_ends() {
  local scheme=mysql
  [[ $source != postgres ]] || scheme=postgres
  source_url=$scheme://repl@127.0.0.1:${port[$source]}/shop
  shop_url=$scheme://app:app@127.0.0.1:${port[$source]}/shop
  case $target in
  mongo) target_url=mongodb://127.0.0.1:${port[mongo]}/shop reading_url=$target_url ;;
  elastic) target_url=http://127.0.0.1:${port[elastic]} reading_url=$target_url ;;
  # Another database than the source's, which may be on the same server.
  postgres) target_url=postgres://app@127.0.0.1:${port[postgres]}/app reading_url=${target_url/app@/app:app@} ;;
  esac
}

# stop_servers: ends what start_servers started, with its data.
stop_servers() {
  local dir
  for dir in "$run"/*/; do
    stop_server "${dir%/}"
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

# tidy: shortens the replicator's log lines, and indents them.
tidy() { sed -u -E 's/^time=[^ ]*T([0-9:]{8})[^ ]* level=([A-Z]+) msg=/\1 \2 /; s/^(.{130}).+/\1…/; s/^/   | /'; }

# start_replicator: runs it in the background; what it says goes to its log and to the terminal.
start_replicator() {
  : >"$log"
  "${replicate[@]}" >>"$log" 2>&1 &
  replicator=$!
  tail --pid="$replicator" -n +1 -f "$log" 2>/dev/null | tidy &
  shown=$!
}

# copy: runs it until all is copied. On a terminal it draws a bar for each table.
copy() {
  : >"$log"
  if [[ -t 1 ]]; then
    "${replicate[@]}" --once
  else
    "${replicate[@]}" --once 2>&1 | tee -a "$log" | tidy
  fi
}

# configure: writes what the commands of the end need, so that they are short.
configure() {
  cat >"$run/meepo.yaml" <<END
version: 1
source: {url: "$source_url", password_file: password}
target: {kind: $target, url: "$target_url"$([[ $target != postgres ]] || echo ', password_file: target-password')}
state: meepo-state.db
tables: [shop.*]
END
  echo repl >"$run/password"
  echo app >"$run/target-password"
  cat >"$run/shop" <<END
#!/bin/sh
exec '$(cd "$run" && pwd)/bin/shop' --url $shop_url --target $reading_url "\$@"
END
  chmod +x "$run/shop"
}

# change_and_kill: kills the replicator while rows change, and starts it again while they still do.
change_and_kill() {
  "${shop[@]}" changes --count 2000 --seed 3 --rate 1000 >"$run/changes" &
  local writer=$!
  sleep 0.7
  stop_replicator KILL 2>/dev/null || true
  wait "$shown" || true
  say "killed (kill -9); rows go on changing"
  sleep 0.5
  start_replicator
  wait "$writer" || die "the changes failed"
  say "$(head -n 1 "$run/changes")"
}

demo() {
  step "Install the servers, and build (the first time takes a minute or more)"
  need_go
  install_servers >"$run/install.log" 2>&1 & # beside the build
  installing=$!
  export CGO_ENABLED=0
  build bin/meepo-replicate ./cmd/meepo-replicate
  build "$run/bin/shop" ./internal/demo/shop
  say "built bin/meepo-replicate"
  wait "$installing" || { cat "$run/install.log" >&2; die "cannot install the servers"; }
  installing=

  step "Start ${title[$source]}$([[ $target == "$source" ]] || echo " and ${title[$target]}")"
  start_servers
  with_docker || title[mongo]="mongo-java-server (MongoDB's protocol)" # what it is, and not what it stands for
  name_ends
  say "from ${title[$source]} at 127.0.0.1:${port[$source]}, to ${title[$target]} at 127.0.0.1:${port[$target]}"

  configure
  shop=("$run/shop")
  flags=(--target "$target" --target-url "$target_url" --source "$source_url" --all-tables --state "$state")
  replicate=(bin/meepo-replicate "${flags[@]}")
  export MEEPO_SOURCE_PASSWORD=repl
  [[ $target != postgres ]] || export MEEPO_TARGET_PASSWORD=app

  step "Fill a shop"
  say "$("${shop[@]}" fill)"

  step "Look at both ends"
  say "bin/meepo-replicate check …"
  bin/meepo-replicate check "${flags[@]}" >"$run/check" || { cat "$run/check" >&2; die "the check has found an error"; }
  sed '/^  note  *shop\./d; s/^\(.\{130\}\).*/\1…/; s/^/   | /' "$run/check" # without the notes on single columns

  step "Copy the shop"
  say "${replicate[*]:0:5} \\"
  say "  ${replicate[*]:5} --once"
  copy || die "the copy failed, see $log"
  "${shop[@]}" counts --wait 30s

  step "Find a product by words"
  "${shop[@]}" search copper kettle

  step "Change 1,000 rows in the source while the replicator follows"
  local changed order
  start_replicator
  changed=$("${shop[@]}" changes --count 1000 --seed 2)
  order=${changed##*last order }
  say "${changed%%$'\n'*}"
  "${shop[@]}" counts --wait 120s
  echo
  "${shop[@]}" show orders "$order" --wait 120s

  step "Kill the replicator while 2,000 rows change, and start it again"
  change_and_kill

  step "Compare every field of every row"
  "${shop[@]}" compare --wait 120s

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
   make demo KEEP=1           the same, but the servers stay, with commands to try on them
   make demo SOURCE=mysql     with MySQL in place of MariaDB; SOURCE=postgres with PostgreSQL
   make demo TARGET=mongo     to MongoDB in place of Elasticsearch; TARGET=postgres to PostgreSQL
   bin/meepo-replicate --help
   README.md says how to use it with servers of your own
END
    return
  fi
  cat <<END

The servers are still running. What to try next
   bin/meepo-replicate --config $run/meepo.yaml
      in another terminal: goes on where it stopped; Ctrl-C ends it
   $run/shop changes --seed 4
      changes 1,000 more rows
   $run/shop compare --wait 30s
   $run/shop show order_items 17 1
   bin/meepo-replicate events --config $run/meepo.yaml --format plain
      in another terminal: the changes themselves, as they come
   bin/meepo-replicate status --config $run/meepo.yaml
$(try_target)
   scripts/demo.sh stop
      stops the servers and removes their data
END
}

# try_target: a look at the target by its own means.
try_target() {
  case $target in
  elastic) echo "   curl '$target_url/shop.reviews/_search?q=body:handle&size=3&pretty'" ;;
  mongo) echo "   mongosh $target_url --eval 'db.reviews.find({body: /handle/}).limit(3)'" ;;
  postgres) echo "   psql $reading_url -c 'SELECT status, count(*) FROM shop.orders GROUP BY status'" ;;
  esac
}

case ${1:-} in
'') ;;
stop) stop_servers; exit ;;
*) die "usage: demo.sh [stop]" ;;
esac
[[ $source =~ ^(mariadb|mysql|postgres)$ ]] || die "SOURCE is mariadb, mysql or postgres, not $source"
[[ $target =~ ^(elastic|mongo|postgres)$ ]] || die "TARGET is elastic, mongo or postgres, not $target"
stop_servers # of a demo before, with KEEP=1 or cut short
mkdir -p "$run"
rm -f "$log"
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
demo
