#!/usr/bin/env bash
# ferretdb.sh start DIR PORT URL | stop [-9] DIR
# A private FerretDB 1 on 127.0.0.1:PORT, its log under DIR and its data in the PostgreSQL database of the URL, of a superuser.
# start returns when it answers, and does nothing when it runs already. It is built once, into the cache folder.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
recipe=$repo/tools/ferretdb program=$installs/ferretdb/ferretdb

install() {
  local stamp
  stamp=$(cat "$recipe"/* | sha256sum)
  [[ $(cat "$installs/ferretdb/stamp" 2>/dev/null) != "$stamp" ]] || return 0
  mkdir -p "$installs/ferretdb"
  (cd "$recipe" && go build -o "$program" .)
  echo "$stamp" >"$installs/ferretdb/stamp"
}

listens() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

start() {
  local dir port=$2 url=$3 pid
  mkdir -p "$1"
  dir=$(cd "$1" && pwd)
  running "$dir" && return 0
  with_lock install-ferretdb install
  # The folder's name is in the command, by which the process is known again.
  setsid "$program" "127.0.0.1:$port" "$url" "$dir/" </dev/null >"$dir/err.log" 2>&1 9>&- &
  pid=$!
  echo "$pid" >"$dir/pid"
  wait_for 60 "$pid" listens "$port" ||
    { tail -n 20 "$dir/err.log" >&2; stop_server -9 "$dir"; die "FerretDB did not start in $dir"; }
}

case ${1:-} in
start) [[ $# -ge 4 ]] && shift && start "$@" ;;
stop) [[ $# -ge 2 ]] && shift && stop_server "$@" ;;
*) echo "usage: ${0##*/} start DIR PORT URL | stop [-9] DIR" >&2; exit 2 ;;
esac
