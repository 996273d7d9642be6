"""Apache Kafka: one node that is broker and controller, from its own jars, without ZooKeeper or Docker."""

import socket
import struct
import subprocess

from server_process import ANSWER_DEADLINE_SECONDS, HERE, LOOPBACK, TOOLS, Server, ServerError

# Any 22 characters of base64 will do, as long as they are the same at every start on the same data.
CLUSTER_ID = "c21hcnRwYXNzLWxvY2FsMQ"

# Of Kafka's protocol: kinds of requests, and a group's name with its length.
METADATA, OFFSET_FETCH, FIND_COORDINATOR = 3, 9, 10
GROUP = struct.pack(">h", 5) + b"ready"

CONFIG = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={data}/topics

# A topic that nobody declared is a mistake to be seen, not one to be covered up.
auto.create.topics.enable=false
delete.topic.enable=true

# One node holds the only copy.
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1

# Tests start, kill and restart it often: fewer logs to open and to recover, and no waiting for more consumers.
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
share.coordinator.state.topic.num.partitions=4
num.recovery.threads.per.data.dir=2
group.initial.rebalance.delay.ms=0
# Lets a test see a worker lose its partitions in less than the usual 6 seconds.
group.min.session.timeout.ms=1000
# There is no other broker to hand partitions to.
controlled.shutdown.enable=false
# After a kill, the controller turns the new process away until the session of the old one has run out.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=250
"""


class Kafka(Server):
    """`data/topics` holds a folder per partition with its log segments (`*.log`)."""

    name = "kafka"

    def command(self) -> list[str]:
        return self._java("-Xms256m", "-Xmx1g") + ["kafka.Kafka", str(self._config)]

    def prepare(self) -> None:
        config = CONFIG.format(host=LOOPBACK, port=self.port, controller_port=self.ports["kafka_controller"],
                               data=self.data)
        self._config.write_text(config)
        if (self.data / "topics/meta.properties").exists():
            return
        formatted = subprocess.run(
            self._java("-Xmx256m") + ["kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER_ID,
                                      "--config", str(self._config)],
            cwd=self.data, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if formatted.returncode != 0:
            raise ServerError(f"kafka: its storage could not be formatted:\n{formatted.stdout}")

    def answers(self) -> bool:
        """Asks for the cluster's metadata: a broker lists itself once the controller has registered it. Then asks for a
        group's coordinator and its offsets, which come last: Kafka creates their topic at the first request."""
        nothing = struct.pack(">i", 0)
        try:
            [brokers] = struct.unpack_from(">i", self._ask(METADATA, 1, nothing))
            [cannot_find] = struct.unpack_from(">h", self._ask(FIND_COORDINATOR, 0, GROUP))
            _topics, cannot_load = struct.unpack(">ih", self._ask(OFFSET_FETCH, 2, GROUP + nothing))
        except (OSError, struct.error):
            return False
        return brokers == 1 and not cannot_find and not cannot_load

    def _ask(self, request: int, version: int, body: bytes) -> bytes:
        """One request of Kafka's protocol on a connection of its own; answers what follows the reply's header."""
        client = b"smartpass-local"
        message = struct.pack(">hhih", request, version, 0, len(client)) + client + body
        with socket.create_connection((LOOPBACK, self.port), ANSWER_DEADLINE_SECONDS) as connection:
            connection.sendall(struct.pack(">i", len(message)) + message)
            with connection.makefile("rb") as reply:
                length, _correlation = struct.unpack(">ii", reply.read(8))
                return reply.read(length - 4)

    def settings(self) -> dict[str, str]:
        return {"SMARTPASS_KAFKA": f"{LOOPBACK}:{self.port}"}

    @property
    def _config(self):
        return self.data / "server.properties"

    @staticmethod
    def _java(*heap: str) -> list[str]:
        libraries = TOOLS / "kafka/libs"
        if not libraries.is_dir():
            raise ServerError(f"kafka: its jars are not in {libraries}: run deploy/local/install")
        # One small heap on a shared machine: parallel collectors and the second compiler cost more than they save.
        return ["java", *heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                f"-Dlog4j2.configurationFile={HERE / 'log4j2.xml'}", "-cp", f"{libraries}/*"]
