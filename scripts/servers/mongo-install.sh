#!/usr/bin/env bash
# Builds a home folder of mongo-java-server, a MongoDB of the wire protocol, in the cache folder from its Maven
# artifacts; one small class beside it starts it. Does nothing when the folder is up to date.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
recipe=$servers/mongo prefix=$installs/mongo

install() {
  local stamp home
  stamp=$(cat "$recipe"/* "$servers/mongo-install.sh" | sha256sum)
  [[ $(cat "$prefix/stamp" 2>/dev/null) != "$stamp" ]] || return 0
  need_java
  # Built beside its place and moved there whole, so that a failed run leaves nothing half done.
  home=$(mktemp -d "$prefix.XXXXXX")
  # shellcheck disable=SC2064 # home is local
  trap "rm -rf '$home'" EXIT
  mkdir -p "$home"/{lib,classes}
  mvn -q -B -ntp -f "$recipe/pom.xml" dependency:copy-dependencies -DoutputDirectory="$home/lib"
  "${java_bin}javac" -nowarn --release 17 -cp "$home/lib/*" -d "$home/classes" "$recipe/MongoLocal.java"
  echo "$stamp" >"$home/stamp"
  chmod 755 "$home"
  rm -rf "$prefix"
  mv "$home" "$prefix"
  echo "built mongo-java-server in $prefix" >&2
}
with_lock install-mongo install
