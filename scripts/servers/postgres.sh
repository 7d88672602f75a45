#!/usr/bin/env bash
# postgres.sh start DIR PORT [--distribution] [-c NAME=VALUE...] | copy DIR PRIMARY-DIR PRIMARY-PORT [--distribution] | stop [-9] DIR
# A private PostgreSQL 18, or the distribution's, on 127.0.0.1:PORT with everything under DIR. start returns when the
# server answers, and does nothing when it runs already. Accounts: postgres (socket in DIR, no password), app/app
# (superuser), repl/repl (what a replication tool needs). Database: app.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$servers/postgres-lib.sh"

# answers DIR PORT: the socket is there before a client is worth starting.
answers() { [[ -S $1/.s.PGSQL.$2 ]] && "$pg_bin/psql" -X -h "$1" -p "$2" -U postgres -d app -c "SELECT 1"; }

start() {
  mkdir -p "$1"
  local dir port=$2 user pid which=
  dir=$(cd "$1" && pwd)
  shift 2
  if [[ ${1:-} == --distribution ]]; then which=$1; shift; fi
  [[ ${#dir} -lt 90 ]] || die "the path is too long for a socket: $dir"
  running "$dir" && return 0
  "$servers/postgres-install.sh" $which
  find_postgres "$which"
  user=$(server_user "$dir")
  [[ $user != root ]] || die "PostgreSQL does not run as root, and no other account can read $dir: use a folder that all may enter"
  if [[ ! -f $dir/data/PG_VERSION ]]; then
    rm -rf "$dir/data" # a copy that was cut short
    cp -R "$installs/$pg_name-data/data" "$dir/data.new"
    chmod 700 "$dir/data.new"
    mv "$dir/data.new" "$dir/data"
    own "$user" "$dir"
  fi
  rm -f "$dir/data/postmaster.pid" "$dir"/.s.PGSQL.* # a killed server's, whose number may be another process's by now
  cd "$dir"
  exec_as "$user" "$pg_bin/postgres" -D "$dir/data" -p "$port" -k "$dir" -c listen_addresses=127.0.0.1 \
    -c wal_level=logical -c max_wal_senders=50 -c max_replication_slots=50 -c max_connections=300 -c timezone=UTC \
    -c max_prepared_transactions=20 -c shared_buffers=128MB -c fsync=off -c max_wal_size=4GB \
    "$@" </dev/null >"$dir/err.log" 2>&1 9>&- &
  pid=$!
  echo "$pid" >"$dir/pid"
  wait_for 180 "$pid" answers "$dir" "$port" ||
    { tail -n 20 "$dir/err.log" >&2; stop_server -9 "$dir"; die "PostgreSQL did not start in $dir"; }
}

# copy DIR PRIMARY-DIR PRIMARY-PORT: DIR gets the data of a streaming standby, which start starts.
copy() {
  local dir user
  mkdir -p "$1"
  dir=$(cd "$1" && pwd)
  find_postgres "${4:-}"
  user=$(server_user "$dir")
  own "$user" "$dir"
  cd "$dir"
  as "$user" "$pg_bin/pg_basebackup" -h "$2" -p "$3" -U postgres -D "$dir/data" -c fast -X stream -R --no-sync
}

case ${1:-} in
start) [[ $# -ge 3 ]] && shift && start "$@" ;;
copy) [[ $# -ge 4 ]] && shift && copy "$@" ;;
stop) [[ $# -ge 2 ]] && shift && stop_server "$@" ;;
*) echo "usage: ${0##*/} start DIR PORT [--distribution] [-c NAME=VALUE...] | copy DIR PRIMARY-DIR PRIMARY-PORT [--distribution] | stop [-9] DIR" >&2; exit 2 ;;
esac
