#!/usr/bin/env bash
# mariadb.sh start DIR PORT [more mariadbd options...] | stop [-9] DIR
# A private MariaDB on 127.0.0.1:PORT with everything under DIR. start returns when
# the server answers, and does nothing when it runs already. Accounts: root (socket
# DIR/sock, no password), app/app (everything), repl/repl (what a replication tool needs).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# answers SOCKET: the socket is there before a client is worth starting.
answers() { [[ -S $1 ]] && mariadb --no-defaults -S "$1" -u root -e "SELECT 1"; }

start() {
  mkdir -p "$1"
  local dir port=$2 user pid
  dir=$(cd "$1" && pwd)
  shift 2
  [[ ${#dir} -lt 100 ]] || die "the path is too long for a socket: $dir"
  running "$dir" && return 0
  "$servers/mariadb-install.sh"
  user=$(server_user "$dir")
  if [[ ! -d $dir/data/mysql ]]; then
    rm -rf "$dir/data" # a copy that was cut short
    mkdir -p "$dir/tmp"
    cp -R "$installs/mariadb-data/data" "$dir/data.new"
    mv "$dir/data.new" "$dir/data"
    own "$user" "$dir"
  fi
  [[ ! -d $installs/mariadb-plugin ]] || set -- --plugin-dir="$installs/mariadb-plugin" "$@"
  rm -f "$dir/sock" "$dir/sock.lock" # a killed server's, whose number may be another process's by now
  exec_as "$user" mariadbd --no-defaults --user="$user" --datadir="$dir/data" --tmpdir="$dir/tmp" \
    --socket="$dir/sock" --pid-file="$dir/server.pid" --log-error="$dir/err.log" \
    --bind-address=127.0.0.1 --port="$port" --skip-name-resolve --default-time-zone=+00:00 \
    --server-id=1 --log-bin=bin --binlog-format=ROW --binlog-row-image=FULL --binlog-row-metadata=FULL \
    --gtid-strict-mode=ON --gtid-domain-id=0 --character-set-server=utf8mb4 --max-allowed-packet=64M \
    --innodb-buffer-pool-size=256M --innodb-flush-log-at-trx-commit=2 \
    "$@" </dev/null >"$dir/out.log" 2>&1 9>&- &
  pid=$!
  echo "$pid" >"$dir/pid"
  wait_for 180 "$pid" answers "$dir/sock" ||
    { tail -n 20 "$dir/err.log" "$dir/out.log" >&2; stop_server -9 "$dir"; die "MariaDB did not start in $dir"; }
}

case ${1:-} in
start) [[ $# -ge 3 ]] && shift && start "$@" ;;
stop) [[ $# -ge 2 ]] && shift && stop_server "$@" ;;
*) echo "usage: ${0##*/} start DIR PORT [OPTION...] | stop [-9] DIR" >&2; exit 2 ;;
esac
