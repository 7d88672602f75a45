# shellcheck shell=bash
# Sourced by run.sh, up.sh and down.sh: the servers that all tests share.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# One line per server: folder, variable, script, options. internal/servertest gives
# the same options to a test's private servers.
shared_servers="
mariadb         MEEPO_TEST_MARIADB_URL         mariadb.sh
mysql           MEEPO_TEST_MYSQL_URL           mysql.sh
mysql-nogtid    MEEPO_TEST_MYSQL_NOGTID_URL    mysql.sh   --gtid-mode=OFF --enforce-gtid-consistency=OFF
mysql-minimal   MEEPO_TEST_MYSQL_MINIMAL_URL   mysql.sh   --binlog-row-metadata=MINIMAL
mysql-nativefk  MEEPO_TEST_MYSQL_NATIVEFK_URL  mysql.sh   --loose-innodb-native-foreign-keys=ON
postgres        MEEPO_TEST_POSTGRES_URL        postgres.sh
postgres-dist   MEEPO_TEST_POSTGRES_DIST_URL   postgres.sh --distribution
elastic         MEEPO_TEST_ELASTIC_URL         elastic
mongo           MEEPO_TEST_MONGO_URL           mongo.sh
"

# install_servers: installs what the servers need, the packages of the machine
# one after the other.
install_servers() {
  "$servers/mariadb-install.sh" && "$servers/mysql-install.sh" && "$servers/postgres-install.sh" &&
    "$servers/postgres-install.sh" --distribution && "$servers/elastic/install.sh" &&
    "$servers/mongo-install.sh"
}

# start_one RUN NAME VARIABLE SCRIPT [OPTION...]: starts a server and writes its
# line of the env file. A port may be taken between choosing and using it, hence
# a second try.
start_one() {
  local run=$1 name=$2 variable=$3 script=$4 try port url
  shift 4
  for try in 1 2; do
    port=$(free_port)
    if [[ $script == elastic ]]; then
      url=http://127.0.0.1:$port
      "$servers/elastic/start.sh" "$run/$name" "$port" && break
    else
      case $script in
      postgres.sh) url=postgres://app:app@127.0.0.1:$port/app ;;
      mongo.sh) url=mongodb://127.0.0.1:$port ;;
      *) url=mysql://app:app@127.0.0.1:$port/ ;;
      esac
      "$servers/$script" start "$run/$name" "$port" "$@" && break
    fi
    [[ $try == 1 ]] || return 1
  done
  echo "export $variable=$url" >"$run/$name/env"
}

# start_shared RUN: starts all servers that no variable names yet, at once, with
# fresh data in the folder RUN, and writes RUN/env.
start_shared() {
  local run=$1 name variable script options pids=() started=() pid failed=
  install_servers || return 1
  mkdir -p "$run"
  while read -r name variable script options; do
    [[ -n $name && -z ${!variable:-} ]] || continue
    # shellcheck disable=SC2086 # the options are words
    start_one "$run" "$name" "$variable" "$script" $options &
    pids+=($!) started+=("$name")
  done <<<"$shared_servers"
  for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
  [[ -z $failed ]] || return 1
  {
    while read -r name variable script options; do
      [[ -z $name || -z ${!variable:-} ]] || printf 'export %s=%q\n' "$variable" "${!variable}"
    done <<<"$shared_servers"
    for name in "${started[@]}"; do cat "$run/$name/env"; done
    printf 'export MEEPO_TEST_RUN_DIR=%q\n' "$run"
  } >"$run/env.new"
  mv "$run/env.new" "$run/env"
}

# stop_shared RUN: stops every server with its files below RUN, those of tests too
# that were killed before they could do it.
stop_shared() {
  local file pids=() failed=
  [[ -d $1 ]] || return 0
  rm -f "$1/env"
  while read -r file; do
    stop_server "$(dirname "$file")" &
    pids+=($!)
  done < <(find "$1" -maxdepth 3 -name pid)
  for file in "${pids[@]}"; do wait "$file" || failed=1; done
  [[ -z $failed ]]
}
