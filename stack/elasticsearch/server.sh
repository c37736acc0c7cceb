# Elasticsearch for the local stack: one node, started by LocalNode.java from the jars on Maven Central.

es_version() {
  need_jdk
  if [ -n "${ES_VERSION:-}" ]; then echo "$ES_VERSION"; elif [ "$java" -ge 21 ]; then echo 9.5.3; else echo 8.19.21; fi
}

# Two folders of jars as the server wants them: lib is its class path, each folder of modules has a class loader of its own.
elasticsearch_fetch() {
  local version folder work
  need_jdk # here, not in the subshell of es_version
  version=$(es_version) folder=$home/elasticsearch-$(es_version)
  if [ ! -d "$folder" ]; then
    work=$(scratch)
    fetch elasticsearch "$version" "$work/lib"
    mkdir -p "$work/modules/transport-netty4" "$work/modules/analysis-lucene" "$work/native"
    mv "$work"/lib/netty-* "$work"/lib/transport-netty4-* "$work"/lib/elasticsearch-ssl-config-* "$work/modules/transport-netty4/"
    link_zstd "$work/native"
    mv "$work" "$folder"
  fi
  compile_node "$version" "$folder"
}

# Our two classes, again whenever their source has changed.
compile_node() {
  local release=21 work class
  [ "$here/elasticsearch/LocalNode.java" -nt "$2/lib/local-node.jar" ] ||
    [ "$here/elasticsearch/LuceneAnalysis.java" -nt "$2/modules/analysis-lucene/analysis-lucene.jar" ] || return 0
  case $1 in 8.*) release=17 ;; esac
  say "compiling the launcher of Elasticsearch"
  rm -f "$2/lib/local-node.jar" "$2/modules/analysis-lucene/analysis-lucene.jar"
  work=$(scratch)
  for class in LocalNode LuceneAnalysis; do
    "$jdk/bin/javac" --release $release -nowarn -proc:none -cp "$2/lib/*" -d "$work/$class" "$here/elasticsearch/$class.java" \
      >"$home/javac.log" 2>&1 || { cat "$home/javac.log" >&2; fail "could not compile $class.java"; }
    "$jdk/bin/jar" cf "$work/$class.jar" -C "$work/$class" .
  done
  mv "$work/LuceneAnalysis.jar" "$2/modules/analysis-lucene/analysis-lucene.jar"
  mv "$work/LocalNode.jar" "$2/lib/local-node.jar"
  rm -r "$work"
}

# index.codec best_compression needs the system's zstd; without it everything else works.
link_zstd() {
  local library
  library=$({ ldconfig -p 2>/dev/null || /sbin/ldconfig -p; } 2>/dev/null | sed -n 's/.*libzstd\.so\.1 .*=> //p' | head -n 1)
  [ -z "$library" ] || ln -s "$library" "$1/libzstd.so"
  library=$({ ! command -v brew >/dev/null || brew --prefix zstd; } 2>/dev/null)/lib/libzstd.dylib
  [ ! -e "$library" ] || ln -s "$library" "$1/libzstd.dylib"
}

elasticsearch_start() {
  local data=$dir/elasticsearch folder
  need_jdk
  folder=$home/elasticsearch-$(es_version)
  jvm_flags elasticsearch
  jvm+=("-Xms${ES_HEAP:-1g}" "-Xmx${ES_HEAP:-1g}" -XX:+ExitOnOutOfMemoryError
    -Dorg.elasticsearch.nativeaccess.enableVectorLibrary=false "-Des.nativelibs.path=$folder/native")
  [ "$java" -lt 21 ] || jvm+=(--enable-native-access=ALL-UNNAMED --add-modules=jdk.incubator.vector)
  [ "$java" -lt 24 ] || jvm+=(--sun-misc-unsafe-memory-access=allow)
  launch elasticsearch "$data" "${jvm[@]}" -cp "$folder/lib/*" LocalNode "$folder" "$data" \
    http.port="$(port elasticsearch)" cluster.routing.allocation.disk.threshold_enabled=false \
    cluster.max_shards_per_node=10000 # tests that were killed leave indexes behind
}

elasticsearch_answers() {
  ask "$(port elasticsearch)" 'GET / HTTP/1.0\r\n\r\n' 'You Know, for Search' &&
    ask "$(port elasticsearch)" 'GET /_cluster/health?wait_for_status=yellow&timeout=1s HTTP/1.0\r\n\r\n' '"timed_out":false'
}

elasticsearch_stop_signal() { echo TERM; }
elasticsearch_url() { echo "http://127.0.0.1:$(port elasticsearch)"; }
elasticsearch_env() { echo "STACK_ELASTICSEARCH_URL=$(elasticsearch_url)"; }
