#!/usr/bin/env bash
# postgres-install.sh [--distribution]: installs PostgreSQL 18, unpacked from Debian's unstable suite into the
# cache folder, or the distribution's version (unpacked, too, unless the machine has it; no service), and makes a
# data folder with the accounts, which postgres.sh copies for every server.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$servers/postgres-lib.sh"

install() {
  local which=${1:-} suite=sid package=postgresql-18
  if [[ $which == --distribution ]]; then
    suite=$(. /etc/os-release && echo "$VERSION_CODENAME") package=postgresql
  fi
  if ! find_postgres "$which"; then
    rm -rf "${installs:?}/$pg_name"
    "$servers/apt-root.sh" "$installs/$pg_name" "$suite" "$package"
    find_postgres "$which" || die "cannot run the PostgreSQL that was unpacked in $installs/$pg_name"
  fi
  local template=$installs/$pg_name-data stamp user
  stamp=$("$pg_bin/postgres" --version | cat - "$servers"/postgres-{install,lib}.sh "$servers/postgres-accounts.sql" | sha256sum)
  [[ $(cat "$template/stamp" 2>/dev/null) != "$stamp" ]] || return 0
  rm -rf "$template"
  mkdir -p "$template"
  chmod 755 "$template"
  user=$(server_user "$template")
  [[ $user != root ]] || die "PostgreSQL does not run as root, and no other account can read $template: use a checkout, or MEEPO_CACHE_DIR, that all may enter"
  own "$user" "$template"
  make_data "$user" "$template" >"$template/install.log" 2>&1 || { tail -n 20 "$template/install.log" >&2; die "cannot make a PostgreSQL data folder"; }
  echo "$stamp" >"$template/stamp"
}

# make_data USER DIR: a server without a network runs the statements, one after the other.
make_data() {
  cd "$2"
  as "$1" "$pg_bin/initdb" -D "$2/data" -U postgres --auth-local=trust --auth-host=scram-sha-256 -E UTF8 --locale=C --no-sync
  as "$1" "$pg_bin/postgres" --single -D "$2/data" postgres <"$servers/postgres-accounts.sql"
}
with_lock install-postgres install "$@"
