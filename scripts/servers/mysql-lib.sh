# shellcheck shell=bash
# Sourced after lib.sh: which MySQL programs there are, and how mysqld is called.

# find_mysqld: sets mysql_usr to the /usr of a MySQL of version 8 or later (not a
# MariaDB under MySQL's name), or fails.
find_mysqld() {
  local usr
  for usr in "$installs/mysql/usr" "$(dirname "$(dirname "$(type -P mysqld || echo /none/bin/mysqld)")")"; do
    mysql_usr=$usr
    mysqld --version 2>/dev/null | grep -v MariaDB | grep -qE 'Ver ([89]|[1-9][0-9])\.' &&
      [[ -x $usr/bin/mysql ]] && return 0
  done
  return 1
}
mysqld_path() { if [[ -x $mysql_usr/sbin/mysqld ]]; then echo "$mysql_usr/sbin/mysqld"; else echo "$mysql_usr/bin/mysqld"; fi; }
mysqld() { "$(mysqld_path)" --no-defaults "$@"; }

# exec_mysqld USER DIR [OPTION...]: becomes a mysqld with its files under DIR.
exec_mysqld() {
  local user=$1 dir=$2
  shift 2
  exec_as "$user" "$(mysqld_path)" --no-defaults --user="$user" --basedir="$mysql_usr" \
    --datadir="$dir/data" --tmpdir="$dir/tmp" \
    --lc-messages-dir="$mysql_usr/share/mysql" --character-sets-dir="$mysql_usr/share/mysql/charsets" \
    --plugin-dir="$mysql_usr/lib/mysql/plugin" --secure-file-priv=NULL --mysqlx=OFF "$@"
}
