# Postgres for the local stack. It refuses to run as root: then it runs as the user postgres, else nobody.

# Unless told otherwise, an instance that has data keeps its version.
pg_version() {
  case ${PG_VERSION:-$(cat "$dir/postgres/data/PG_VERSION" 2>/dev/null || echo 18)} in
    18) echo 18.6.0 ;; 17) echo 17.11.0 ;; 16) echo 16.15.0 ;; 15) echo 15.19.0 ;; 14) echo 14.24.0 ;; 13) echo 13.23.0 ;;
    *) echo "$PG_VERSION" ;;
  esac
}

pg_drop= # the command that gives up root
if [ "$(id -u)" = 0 ]; then
  pg_user=$(id -un postgres 2>/dev/null || echo nobody)
  pg_drop="setpriv --reuid $(id -u "$pg_user") --regid $(id -g "$pg_user") --clear-groups --inh-caps=-all"
fi

# pg_folder PATH: makes a folder that Postgres can reach. A clone may lie where only root can enter (/root): then the
# folder is a link to a temporary one outside, and everything else stays as it is.
pg_folder() {
  [ ! -L "$1" ] || [ -d "$1" ] || rm "$1" # the temporary folder has been swept away
  [ -d "$1" ] || mkdir -p "$1"
  [ -n "$pg_drop" ] && [ ! -L "$1" ] || return 0
  need setpriv util-linux setpriv
  chown "$pg_user" "$1"
  $pg_drop test -w "$1" 2>/dev/null && return 0
  local outside
  outside=$(mktemp -d "${TMPDIR:-/tmp}/highwater-stack-XXXXXX")
  chown "$pg_user" "$outside"
  $pg_drop test -w "$outside" 2>/dev/null || fail "the user $pg_user can reach neither $1 nor $outside: set TMPDIR to a folder it can enter"
  rmdir "$1"
  ln -s "$outside" "$1"
}

pg_real() { cd -P "$1" && pwd -P; }

postgres_fetch() {
  local version folder os=linux arch=amd64 work
  version=$(pg_version) folder=$home/postgres-$version
  [ ! -x "$folder/bin/postgres" ] || [ ! -e "$folder/complete" ] || return 0
  [ "$(uname -s)" != Darwin ] || os=darwin
  case $(uname -m) in arm64 | aarch64) arch=arm64v8 ;; esac
  need xz xz-utils xz
  need tar tar tar
  work=$(scratch)
  fetch postgres "$version" "$work" -Dplatform=$os-$arch
  (cd "$work" && "$jdk/bin/jar" xf ./*.jar)
  pg_folder "$folder"
  tar -xJf "$work"/*.txz -C "$folder/"
  touch "$folder/complete" # here a rename will not do: the folder may be a link
  rm -rf "$work"
}

postgres_start() {
  local version data bin conf
  version=$(pg_version)
  pg_folder "$dir/postgres"
  data=$(pg_real "$dir/postgres")/data bin=$(pg_real "$home/postgres-$version")/bin
  if [ ! -e "$data/stack.conf" ]; then # written last
    rm -rf "$data"
    (cd / && $pg_drop "$bin/initdb" -D "$data" -U postgres -A trust -E UTF8 --locale=C --no-sync) >>"$dir/postgres.log" 2>&1 ||
      { tail -n 10 "$dir/postgres.log" >&2; fail "initdb failed"; }
    echo "include 'stack.conf'" >>"$data/postgresql.conf"
    pg_hba "$data/pg_hba.conf"
  fi
  [ "$(cat "$data/PG_VERSION")" = "${version%%.*}" ] ||
    fail "the data of instance $name is of Postgres $(cat "$data/PG_VERSION"), not $version: use another STACK_NAME, or stack/stack clean postgres"
  pg_certificate "$data"
  cat >"$data/stack.conf" <<CONF
# Written at each start by the local stack. ALTER SYSTEM overrides it.
listen_addresses = '127.0.0.1'
port = $(port postgres)
unix_socket_directories = ''
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %u@%d '
wal_level = logical                # Debezium, and tests that read the log
max_prepared_transactions = 20     # tests of PREPARE TRANSACTION
max_connections = 250
shared_buffers = 128MB
fsync = on                         # kill -9 is part of the tests; so is what survives it
ssl = $([ -e "$data/server.key" ] && echo on || echo off)
CONF
  # Postgres takes a dead server that nobody has reaped yet (containers without an init) for a running one.
  [ ! -e "$data/postmaster.pid" ] || ! gone "$(head -n 1 "$data/postmaster.pid")" || rm -f "$data/postmaster.pid"
  launch postgres "$data" $pg_drop "$bin/postgres" -D "$data"
}

# Everyone is trusted, except the members of the role with_password, where a test has created it.
pg_hba() {
  cat >"$1" <<'HBA'
# TYPE  DATABASE     USER            ADDRESS        METHOD
host    all          +with_password  127.0.0.1/32   scram-sha-256
host    all          all             127.0.0.1/32   trust
host    replication  all             127.0.0.1/32   trust
HBA
}

# An authority and a certificate signed by it: clients that check properly refuse one that signed itself.
pg_certificate() {
  [ "${PG_SSL:-0}" = 1 ] && [ ! -e "$1/server.key" ] || return 0
  need openssl openssl "the command openssl, for PG_SSL=1"
  (
    umask 077
    cd "$1"
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n' >server.ext
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj '/CN=highwater local stack' -keyout ca.key -out ca.crt
    openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.new -out server.csr
    openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -extfile server.ext -out server.crt
    [ -z "$pg_drop" ] || chown "$pg_user" server.new server.crt
    mv server.new server.key
  ) >>"$dir/postgres.log" 2>&1 || fail "could not make a certificate, see $dir/postgres.log"
}

# Signs in as postgres, asks "select 1", says goodbye: the bytes of protocol 3.0.
postgres_answers() {
  ask "$(port postgres)" '\0\0\0\051\0\3\0\0user\0postgres\0database\0postgres\0\0Q\0\0\0\015select 1\0X\0\0\0\004' 'SELECT 1'
}

postgres_stop_signal() { echo INT; } # "fast": open sessions are ended, not waited for
postgres_url() { echo "postgres://postgres@127.0.0.1:$(port postgres)/postgres"; }
postgres_env() {
  echo "STACK_POSTGRES_URL=$(postgres_url)"
  [ ! -e "$dir/postgres/data/ca.crt" ] || printf 'STACK_POSTGRES_CA=%q\n' "$dir/postgres/data/ca.crt"
}
