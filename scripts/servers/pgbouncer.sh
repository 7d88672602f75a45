#!/usr/bin/env bash
# pgbouncer.sh start DIR PORT POSTGRES-PORT [NAME=VALUE...] | stop [-9] DIR
# A private PgBouncer of the distribution's (unpacked into the cache folder, unless the machine has it; no service) on
# 127.0.0.1:PORT, before the PostgreSQL on 127.0.0.1:POSTGRES-PORT, with everything under DIR and these more settings.
# start returns when it answers. It knows the accounts app and repl.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# find_pgbouncer: sets $pgbouncer.
find_pgbouncer() {
  pgbouncer=$(command -v pgbouncer || true)
  [[ -n $pgbouncer ]] || pgbouncer=$installs/pgbouncer/usr/sbin/pgbouncer
  [[ -x $pgbouncer ]]
}

install() {
  if find_pgbouncer; then return 0; fi
  rm -rf "${installs:?}/pgbouncer"
  "$servers/apt-root.sh" "$installs/pgbouncer" "$(. /etc/os-release && echo "$VERSION_CODENAME")" pgbouncer
}

answers() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

start() {
  mkdir -p "$1"
  local dir port=$2 to=$3 user pid
  dir=$(cd "$1" && pwd)
  shift 3
  running "$dir" && return 0
  with_lock install-pgbouncer install
  find_pgbouncer || die "cannot run the PgBouncer that was unpacked in $installs/pgbouncer"
  printf '"%s" "%s"\n' app app repl repl >"$dir/users"
  {
    printf '[databases]\n* = host=127.0.0.1 port=%s\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %s\nunix_socket_dir =\n' "$to" "$port"
    printf 'auth_type = scram-sha-256\nauth_file = %s/users\n' "$dir"
    [[ $# == 0 ]] || printf '%s\n' "$@"
  } >"$dir/pgbouncer.ini"
  user=$(server_user "$dir")
  [[ $user != root ]] || die "PgBouncer does not run as root, and no other account can read $dir: use a folder that all may enter"
  own "$user" "$dir"
  cd "$dir"
  exec_as "$user" "$pgbouncer" "$dir/pgbouncer.ini" </dev/null >"$dir/err.log" 2>&1 9>&- &
  pid=$!
  echo "$pid" >"$dir/pid"
  wait_for 30 "$pid" answers "$port" ||
    { tail -n 20 "$dir/err.log" >&2; stop_server -9 "$dir"; die "PgBouncer did not start in $dir"; }
}

case ${1:-} in
start) [[ $# -ge 4 ]] && shift && start "$@" ;;
stop) [[ $# -ge 2 ]] && shift && stop_server "$@" ;;
*) echo "usage: ${0##*/} start DIR PORT POSTGRES-PORT [NAME=VALUE...] | stop [-9] DIR" >&2; exit 2 ;;
esac
