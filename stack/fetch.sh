# What the servers need from this machine, and their downloads. Sourced by `stack`.

# need_jdk: sets jdk (the home of a JDK) and java (its major version).
need_jdk() {
  [ -z "${jdk:-}" ] || return 0
  find_jdk || { install default-jdk-headless && find_jdk; } || fail "needs a JDK (java, javac, jar), version 17 or later; 21 or later for Elasticsearch 9
    Debian, Ubuntu: sudo apt-get install default-jdk-headless
    Fedora:         sudo dnf install java-21-openjdk-devel
    macOS:          brew install openjdk@21
    or unpack any JDK and set JAVA_HOME"
}

# Elasticsearch 9 wants 21 and is known to run up to 25; Elasticsearch 8 and Kafka are content with 17. So the newest of
# 21 to 25, else the newest of the others. One JDK serves all.
find_jdk() {
  local candidate version rank best=0
  jdk=
  for candidate in "${JAVA_HOME:-}" "$(java_on_path)" /usr/lib/jvm/* "$HOME"/.sdkman/candidates/java/* \
    /opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home /Library/Java/JavaVirtualMachines/*/Contents/Home \
    "$([ ! -x /usr/libexec/java_home ] || /usr/libexec/java_home 2>/dev/null)"; do
    [ -x "$candidate/bin/java" ] && [ -x "$candidate/bin/javac" ] && [ -x "$candidate/bin/jar" ] || continue
    version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$candidate/release" 2>/dev/null)
    [ "${version:-0}" -ge 17 ] || continue
    rank=$version
    [ "$version" -lt 21 ] || [ "$version" -gt 25 ] || rank=$((version + 100))
    if [ "$rank" -gt "$best" ]; then best=$rank jdk=$candidate java=$version; fi
  done
  [ -n "$jdk" ]
}

java_on_path() {
  local path
  path=$(command -v javac) || return 0
  while [ -L "$path" ]; do path=$(cd "$(dirname "$path")" && cd "$(dirname "$(readlink "$path")")" && pwd)/$(basename "$(readlink "$path")"); done
  dirname "$(dirname "$path")"
}

# need COMMAND PACKAGE NAME
need() {
  command -v "$1" >/dev/null || { install "$2" && command -v "$1" >/dev/null; } ||
    fail "needs $3. Debian, Ubuntu: sudo apt-get install $2; macOS: brew install ${2%-utils}"
}

# Installs by itself only where that is sure to work: as root, with apt.
install() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  say "installing $* (apt-get)"
  { apt-get install -y --no-install-recommends "$@" ||
    { apt-get update && apt-get install -y --no-install-recommends "$@"; }; } >"$home/apt.log" 2>&1 ||
    { tail -n 5 "$home/apt.log" >&2; return 1; }
}

# fetch SERVER VERSION FOLDER [-D...]: the jars of stack/SERVER/pom.xml. A failed download is tried once more.
fetch() {
  local server=$1 version=$2 folder=$3 attempt own_home
  shift 3
  own_home=$(eval echo "~$(id -un)") # where Java looks for ~/.m2, whatever HOME says; a service user may have none
  [ -w "$own_home" ] || set -- "-Dmaven.repo.local=$home/maven" "$@"
  need_jdk
  need mvn maven "Maven (mvn)"
  say "fetching $server $version from Maven Central"
  for attempt in 1 2; do
    if JAVA_HOME=$jdk mvn -q -B -f "$here/$server/pom.xml" \
      org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
      -Dserver.version="$version" -DoutputDirectory="$folder" "$@" ${MAVEN_ARGS:-} >"$home/mvn.log" 2>&1; then
      return 0
    fi
    [ $attempt = 2 ] || say "mvn failed, trying once more: $(grep -m 1 ERROR "$home/mvn.log" | cut -c1-300)"
  done
  grep 'ERROR.*[a-z]' "$home/mvn.log" | head -n 3 | cut -c1-300 | sed 's/^/    /' >&2 # the rest is about options of mvn
  fail "could not fetch $server $version. Maven needs its central repository or a mirror set in ~/.m2/settings.xml; run again when it is reachable"
}

# An empty folder to build in. Finished folders come from it by a rename, so an interrupted run leaves nothing half done.
scratch() {
  rm -rf "$home/unfinished"
  mkdir -p "$home/unfinished"
  echo "$home/unfinished"
}

# jvm_flags SERVER: sets the array jvm. Quick starts rather than peak speed, and files only under the instance's folder.
# An archive of loaded classes, which Java 19 and later keep by themselves, halves the start of Elasticsearch.
jvm_flags() {
  mkdir -p "$dir/$1/tmp"
  jvm=("$jdk/bin/java" "-Djava.io.tmpdir=$dir/$1/tmp")
  if [ -n "${STACK_JVM:-}" ]; then
    jvm+=($STACK_JVM)
    return
  fi
  jvm+=(-XX:TieredStopAtLevel=1)
  [ "$java" -lt 19 ] || jvm+=(-XX:+AutoCreateSharedArchive "-XX:SharedArchiveFile=$dir/$1/classes-$java.jsa" -Xlog:cds=off -Xlog:cds+dynamic=off)
}
