#!/usr/bin/env bash
# Installs MariaDB's server and client programs (the distribution's; no service)
# and a data folder with the accounts, which mariadb.sh copies for every server.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

install() {
  command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null && command -v mariadb >/dev/null ||
    apt_install mariadb-server-core mariadb-client-core
  local template=$installs/mariadb-data stamp user
  stamp=$(mariadbd --no-defaults --version | cat - "$servers/mariadb-install.sh" "$servers/mariadb-accounts.sql" | sha256sum)
  [[ $(cat "$template/stamp" 2>/dev/null) != "$stamp" ]] || return 0
  rm -rf "$template"
  mkdir -p "$template"
  chmod 755 "$template"
  user=$(server_user "$template")
  own "$user" "$template"
  as "$user" mariadb-install-db --no-defaults --user="$user" --datadir="$template/data" --skip-test-db \
    --auth-root-authentication-method=normal --extra-file="$servers/mariadb-accounts.sql" \
    >"$template/install.log" 2>&1 || { cat "$template/install.log" >&2; die "cannot make a MariaDB data folder"; }
  echo "$stamp" >"$template/stamp"
}
with_lock install-mariadb install
