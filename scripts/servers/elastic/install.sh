#!/usr/bin/env bash
# Builds an Elasticsearch home folder in the cache folder from its Maven artifacts,
# which are the server and its HTTP module; two small classes beside this script
# start it and answer GET /. Does nothing when the folder is up to date.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
recipe=$servers/elastic prefix=$installs/elastic

# descriptor MODULE CLASS: writes what the server needs to load modules/MODULE.
descriptor() {
  cat >"$home/modules/$1/plugin-descriptor.properties" <<END
name=$1
description=$1
version=$version
elasticsearch.version=$version
java.version=17
classname=$2
END
}
build() {
  mkdir -p "$home"/{lib,config,classes,plugins,modules/{transport-netty4,root-endpoint}}
  mvn -q -B -ntp -f "$recipe/pom.xml" dependency:copy-dependencies -DoutputDirectory="$home/lib"
  mv "$home"/lib/{transport-netty4,netty}-*.jar "$home/modules/transport-netty4/"
  version=$(basename "$home"/lib/elasticsearch-[0-9]*.jar .jar)
  version=${version#elasticsearch-}
  "${java_bin}javac" -nowarn --release 17 -cp "$home/lib/*" -d "$home/classes" "$recipe"/src/eslocal/*.java
  "${java_bin}jar" cf "$home/es-server.jar" -C "$home/classes" eslocal/EsServer.class
  rm "$home/classes/eslocal/EsServer.class"
  "${java_bin}jar" cf "$home/modules/root-endpoint/root-endpoint.jar" -C "$home/classes" eslocal
  rm -r "$home/classes"
  descriptor transport-netty4 org.elasticsearch.transport.netty4.Netty4Plugin
  descriptor root-endpoint eslocal.RootEndpointPlugin
  cp "$recipe"/config/* "$home/config/"
}
install() {
  local stamp
  stamp=$(cd "$recipe" && cat pom.xml install.sh config/* src/eslocal/* | sha256sum)
  [[ $(cat "$prefix/stamp" 2>/dev/null) != "$stamp" ]] || return 0
  need_java
  # Built beside its place and moved there whole, so that a failed run leaves nothing half done.
  home=$(mktemp -d "$prefix.XXXXXX")
  trap 'rm -rf "$home"' EXIT
  build
  echo "$stamp" >"$home/stamp"
  chmod 755 "$home"
  rm -rf "$prefix"
  mv "$home" "$prefix"
  echo "built Elasticsearch $version in $prefix" >&2
}
with_lock install-elastic install
