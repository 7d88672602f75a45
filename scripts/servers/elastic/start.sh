#!/usr/bin/env bash
# start.sh DIR PORT [setting=value ...]
# Starts an Elasticsearch node on 127.0.0.1:PORT with everything under DIR, and
# returns when it answers; does nothing when it runs already. ES_HEAP is its heap (1g).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
[[ $# -ge 2 ]] || { echo "usage: ${0##*/} DIR PORT [setting=value ...]" >&2; exit 2; }
mkdir -p "$1/tmp"
dir=$(cd "$1" && pwd) port=$2
shift 2
running "$dir" && exit 0
"$servers/elastic/install.sh"
home=$installs/elastic heap=${ES_HEAP:-1g}
rm -f "$dir/es.url"

setsid "${JAVA_HOME:+$JAVA_HOME/bin/}java" \
  -Xms"$heap" -Xmx"$heap" -Xss1m -XX:+UseG1GC -XX:+ExitOnOutOfMemoryError -XX:-OmitStackTraceInFastThrow \
  -Djava.io.tmpdir="$dir/tmp" -Djna.nosys=true -Djna.tmpdir="$dir/tmp" -Dfile.encoding=UTF-8 \
  -Djava.locale.providers=SPI,COMPAT -Dlog4j.shutdownHookEnabled=false -Dlog4j2.disable.jmx=true \
  -Dio.netty.noUnsafe=true -Dio.netty.noKeySetOptimization=true -Dio.netty.recycler.maxCapacityPerThread=0 \
  --module-path "$home/lib" --add-modules jdk.net,jdk.management,org.elasticsearch.server,org.elasticsearch.preallocate \
  -cp "$home/es-server.jar" eslocal.EsServer "$home" "$dir" http.port="$port" "$@" \
  </dev/null >"$dir/err.log" 2>&1 9>&- &
pid=$!
echo "$pid" >"$dir/pid"
wait_for 300 "$pid" test -f "$dir/es.url" || {
  grep -E 'Exception|ERROR|Caused by' "$dir/err.log" | tail -n 10 >&2
  stop_server -9 "$dir"
  die "Elasticsearch did not start, see $dir/err.log"
}
