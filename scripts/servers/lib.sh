# shellcheck shell=bash
# Sourced by the other scripts of this folder: paths, users, processes.

# The repository, and the one folder where everything that is installed or runs
# for tests lives: install/ (kept), run/ (up.sh), test/ (run.sh, the last run).
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
servers=$repo/scripts/servers
cache=${MEEPO_CACHE_DIR:-$repo/.cache}
mkdir -p "$cache/install"
cache=$(cd "$cache" && pwd)
installs=$cache/install

# The servers' programs are there, and not on the path of every user.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

die() { echo "${0##*/}: $*" >&2; exit 1; }

# apt_install PACKAGE...: installs packages of this machine's own distribution.
apt_install() {
  command -v apt-get >/dev/null || die "please install what Debian calls: $*"
  [[ $(id -u) == 0 ]] || die "please run: sudo apt-get install --no-install-recommends $*"
  echo "installing $*" >&2
  apt-get update -qq >&2 || true # one dead source is no reason to stop: the install decides
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# need_java: sees to a JDK of version 17 or later and Maven; the JDK's tools begin with $java_bin then.
need_java() {
  local version packages=()
  java_bin=${JAVA_HOME:+$JAVA_HOME/bin/}
  version=$("${java_bin}javac" -version 2>&1) && [[ ${version#javac } =~ ^([0-9]+) && ${BASH_REMATCH[1]} -ge 17 ]] ||
    packages+=(openjdk-17-jdk-headless)
  command -v mvn >/dev/null || packages+=(maven)
  [[ ${#packages[@]} == 0 ]] || apt_install "${packages[@]}"
}

# with_lock NAME CMD...: runs CMD while no other process holds the lock NAME.
with_lock() {
  local lock=$cache/$1.lock
  shift
  ( flock 9; "$@" 9>&- ) 9>"$lock"
}

# server_user DIR: the account that a database server with its files in DIR runs
# as. The servers refuse to be root unless told, so root uses nobody, or $DB_USER;
# but where DIR cannot be reached by that account (a checkout below a private
# folder), they are told.
server_user() {
  if [[ $(id -u) != 0 ]]; then id -un; return; fi
  local user=${DB_USER:-nobody}
  if as "$user" test -x "$1" -a -x "$installs"; then echo "$user"; else echo root; fi
}
# as USER CMD...: runs CMD as USER when we are root, else as ourselves.
as() {
  local user=$1
  shift
  if [[ $(id -u) == 0 ]]; then
    setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups -- "$@"
  else
    "$@"
  fi
}
# exec_as USER CMD...: the same in place of this (sub)shell, so that the pid of
# "exec_as … &" is the program's.
exec_as() {
  local user=$1
  shift
  if [[ $(id -u) == 0 ]]; then
    exec setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups -- "$@"
  else
    exec "$@"
  fi
}
# own USER DIR: gives DIR to USER when we are root.
own() { [[ $(id -u) != 0 ]] || chown -R "$1:$(id -g "$1")" "$2"; }

# A server's process is named by DIR/pid. A number in an old file may by now be
# any process's, so it counts only while that process's command names DIR.
# running DIR: whether the server with its files in DIR runs; its number is in $pid then.
running() {
  pid=$(head -n 1 "$1/pid" 2>/dev/null) && [[ -n $pid ]] && tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "$1/"
}
# gone PID: whether nothing of the process is left that holds files or ports. A
# killed one loses its command at once but not its files, and a zombie's threads
# may outlive it for a moment.
gone() {
  local state tasks
  state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || return 0
  tasks=("/proc/$1/task"/*)
  [[ $state == [ZX] && ${#tasks[@]} -le 1 ]]
}
# stop_server [-9] DIR: asks the server to end, or kills it and its children, and
# waits for their end. PostgreSQL would wait for its clients, if it were asked by TERM.
stop_server() {
  local signal=TERM dir pid pids n
  [[ $1 != -9 ]] || { signal=KILL; shift; }
  dir=$(cd "$1" 2>/dev/null && pwd) || return 0
  running "$dir" || { rm -f "$dir/pid"; return 0; }
  pids=("$pid")
  if [[ $signal == KILL ]]; then
    mapfile -t -O 1 pids < <(children "$pid")
  elif [[ -f $dir/data/PG_VERSION ]]; then
    signal=INT
  fi
  kill "-$signal" "${pids[@]}" 2>/dev/null || true
  for ((n = 0; n < 1200; n++)); do
    if all_gone "${pids[@]}"; then rm -f "$dir/pid"; return 0; fi
    sleep 0.05
  done
  echo "killing process $pid, which does not end: $dir" >&2
  mapfile -t pids < <(echo "$pid"; children "$pid")
  kill -9 "${pids[@]}" 2>/dev/null || true
  until all_gone "${pids[@]}"; do sleep 0.05; done
  rm -f "$dir/pid"
}
# children PID: the numbers of a process's children.
children() { cat /proc/"$1"/task/*/children 2>/dev/null | tr -s ' ' '\n' | sed '/^$/d' || true; }
all_gone() {
  local pid
  for pid in "$@"; do gone "$pid" || return 1; done
}
# wait_for SECONDS PID CMD...: until CMD succeeds; fails when process PID ends first.
wait_for() {
  local n=$(($1 * 20)) pid=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    n=$((n - 1))
    [[ $n -gt 0 ]] && kill -0 "$pid" 2>/dev/null || return 1
    sleep 0.05
  done
}

# free_port: prints a port that nothing listens on, from below the range that
# outgoing connections take theirs from, so that it stays free over a restart.
free_port() {
  local port
  while :; do
    port=$((RANDOM % 16000 + 16000))
    (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}
