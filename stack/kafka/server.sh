# Kafka for the local stack: one process, broker and controller (KRaft).

kafka_version=${KAFKA_VERSION:-4.4.0}

kafka_fetch() {
  local work
  [ ! -d "$home/kafka-$kafka_version" ] || return 0
  work=$(scratch)
  fetch kafka "$kafka_version" "$work"
  mv "$work" "$home/kafka-$kafka_version"
}

kafka_start() {
  local data=$dir/kafka
  mkdir -p "$data"
  cat >"$data/server.properties" <<CONF
# Written at each start by the local stack.
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:$(port kafka),CONTROLLER://127.0.0.1:$(port kafka-controller)
advertised.listeners=PLAINTEXT://127.0.0.1:$(port kafka)
controller.quorum.voters=1@127.0.0.1:$(port kafka-controller)
controller.listener.names=CONTROLLER
log.dirs=$data/logs
auto.create.topics.enable=true
num.partitions=1
# There is only one broker to hold a copy.
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# Fewer files, a smaller cleaner: quick starts.
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
share.coordinator.state.topic.num.partitions=1
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=4
# A group starts at once, and after kill -9 the broker is let in again within seconds.
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
CONF
  need_jdk
  jvm_flags kafka
  jvm+=(-Xms128m -Xmx512m -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError
    "-Dlog4j2.configurationFile=$here/kafka/log4j2.properties" -cp "$home/kafka-$kafka_version/*")
  if [ ! -e "$data/logs/meta.properties" ]; then
    rm -rf "$data/logs"
    # The cluster's id: any 16 bytes, in base64 for URLs. A leading "-" would look like an option.
    "${jvm[@]}" kafka.tools.StorageTool format -t "A$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c2-22)" \
      -c "$data/server.properties" >>"$dir/kafka.log" 2>&1 || { tail -n 10 "$dir/kafka.log" >&2; fail "could not format Kafka's storage"; }
  fi
  launch kafka "$data" "${jvm[@]}" kafka.Kafka "$data/server.properties"
}

# Asks for the brokers of the cluster (Metadata, version 1, no topics): one that is let in names itself.
kafka_answers() {
  ask "$(port kafka)" '\0\0\0\016\0\3\0\1\0\0\0\1\377\377\0\0\0\0' '127.0.0.1'
}

kafka_stop_signal() { echo TERM; }
kafka_url() { echo "127.0.0.1:$(port kafka)"; }
kafka_env() { echo "STACK_KAFKA_BROKERS=$(kafka_url)"; }
