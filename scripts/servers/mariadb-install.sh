#!/usr/bin/env bash
# Installs MariaDB's server and client programs (the distribution's; no service)
# and a data folder with the accounts, which mariadb.sh copies for every server. Of
# the plugins, which Debian keeps in the package with the service, it unpacks the one
# that encrypts.
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

plugin() {
  local dir=$installs/mariadb-plugin deb
  [[ ! -e $dir/file_key_management.so ]] || return 0
  [[ ! -e $(mariadbd --no-defaults --verbose --help 2>/dev/null | awk '$1 == "plugin-dir" { print $2 }')/file_key_management.so ]] || return 0
  command -v apt-get >/dev/null || { echo "no MariaDB plugin file_key_management: tests of encrypted logs will not run" >&2; return 0; }
  rm -rf "$dir.new"
  mkdir -p "$dir.new"
  (cd "$dir.new" && { apt-get download -qq mariadb-server || { apt-get update -qq && apt-get download -qq mariadb-server; }; }) >/dev/null 2>&1 ||
    { echo "cannot download the package mariadb-server: tests of encrypted logs will not run" >&2; return 0; }
  deb=("$dir.new"/*.deb)
  dpkg-deb --fsys-tarfile "${deb[0]}" | tar -x -C "$dir.new" --strip-components=5 --no-same-owner ./usr/lib/mysql/plugin/file_key_management.so
  rm "${deb[0]}"
  chmod -R a+rX "$dir.new"
  rm -rf "$dir"
  mv "$dir.new" "$dir"
}
with_lock install-mariadb install
with_lock install-mariadb plugin
