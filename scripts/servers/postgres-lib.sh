# shellcheck shell=bash
# Sourced after lib.sh: which PostgreSQL programs there are.

# find_postgres [--distribution]: sets pg_bin to the folder of a PostgreSQL's programs, and pg_name to what its
# files are called in the cache: version 18, or the one that this machine's distribution has.
find_postgres() {
  local dir
  pg_name=postgres
  if [[ ${1:-} == --distribution ]]; then
    pg_name=postgres-dist
    for dir in /usr/lib/postgresql/*/bin; do
      if [[ -x $dir/postgres && -x $dir/initdb ]]; then pg_bin=$dir; return 0; fi
    done
  fi
  for dir in "$installs/$pg_name"/usr/lib/postgresql/*/bin; do
    if [[ -x $dir/postgres && -x $dir/initdb ]]; then pg_bin=$dir; return 0; fi
  done
  return 1
}
