#!/usr/bin/env bash
# mongo.sh start DIR PORT | stop [-9] DIR
# A private mongo-java-server on 127.0.0.1:PORT, its log under DIR and its data in memory: they go with the process. start
# returns when it answers, and does nothing when it runs already. MONGO_HEAP is its heap (512m).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

start() {
  local dir port=$2 pid home=$installs/mongo
  mkdir -p "$1"
  dir=$(cd "$1" && pwd)
  running "$dir" && return 0
  "$servers/mongo-install.sh"
  rm -f "$dir/ready"
  # Its log would have every connection. The folder's name is in the command, by which the process is known again.
  setsid "${JAVA_HOME:+$JAVA_HOME/bin/}java" -Xmx"${MONGO_HEAP:-512m}" -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
    -cp "$home/lib/*:$home/classes" MongoLocal "$dir/" "$port" </dev/null >"$dir/err.log" 2>&1 9>&- &
  pid=$!
  echo "$pid" >"$dir/pid"
  wait_for 120 "$pid" test -f "$dir/ready" ||
    { tail -n 20 "$dir/err.log" >&2; stop_server -9 "$dir"; die "mongo-java-server did not start in $dir"; }
}

case ${1:-} in
start) [[ $# -ge 3 ]] && shift && start "$@" ;;
stop) [[ $# -ge 2 ]] && shift && stop_server "$@" ;;
*) echo "usage: ${0##*/} start DIR PORT | stop [-9] DIR" >&2; exit 2 ;;
esac
