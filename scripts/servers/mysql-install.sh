#!/usr/bin/env bash
# Installs Oracle MySQL and a data folder with the accounts, which mysql.sh copies
# for every server. A mysqld of version 8 or later on the PATH is used as it is;
# else MySQL is unpacked from Debian's unstable suite into the cache folder, beside
# the machine's own packages.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$servers/mysql-lib.sh"

install() {
  if ! find_mysqld; then
    rm -rf "$installs/mysql"
    "$servers/apt-root.sh" "$installs/mysql" sid mysql-server-core mysql-client-core
    find_mysqld || die "cannot run the MySQL that was unpacked in $installs/mysql"
  fi
  local template=$installs/mysql-data stamp user
  stamp=$(mysqld --version | cat - "$servers"/mysql-{install,lib}.sh "$servers/mysql-accounts.sql" | sha256sum)
  [[ $(cat "$template/stamp" 2>/dev/null) != "$stamp" ]] || return 0
  rm -rf "$template"
  mkdir -p "$template/tmp"
  chmod 755 "$template"
  cp "$servers/mysql-accounts.sql" "$template/accounts.sql"
  user=$(server_user "$template")
  own "$user" "$template"
  ( exec_mysqld "$user" "$template" --initialize-insecure --init-file="$template/accounts.sql" \
    --log-error="$template/install.log" ) </dev/null >/dev/null 2>&1 ||
    { tail -n 20 "$template/install.log" >&2; die "cannot make a MySQL data folder"; }
  rm -f "$template/data/auto.cnf" # every copy gets a server id of its own
  echo "$stamp" >"$template/stamp"
}
with_lock install-mysql install
