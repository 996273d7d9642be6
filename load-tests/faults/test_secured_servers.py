"""Kafka and Redis with TLS and passwords, as in production."""

from __future__ import annotations

import secrets
import socket
import ssl
import subprocess
import tempfile
import unittest
from pathlib import Path

from cluster import PROGRAM, World
from kafka_server import Kafka
from people import make_people
from redis_server import Redis
from scene import END_SECONDS
from server_process import ANSWER_DEADLINE_SECONDS, LOOPBACK, free_ports
from servers import LocalServers

USER = "smartpass"
DEADLINE_SECONDS = 60
LISTENERS = """
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port},SASL_SSL://{host}:{secured_port}
advertised.listeners=PLAINTEXT://{host}:{port},SASL_SSL://{host}:{secured_port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
user_{user}="{password}";
"""


class Certificate:
    """A self-signed certificate for this machine. A client that trusts it trusts no other server."""

    def __init__(self, folder: Path) -> None:
        self.key, self.file, self.both = (folder / name for name in ("key.pem", "certificate.pem", "keystore.pem"))
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                   "-addext", f"subjectAltName=DNS:localhost,IP:{LOOPBACK}", "-keyout", self.key, "-out", self.file]
        subprocess.run(command, check=True, capture_output=True, timeout=DEADLINE_SECONDS)
        self.both.write_text(self.key.read_text() + self.file.read_text())


class SecuredKafka(Kafka):
    """Talks to itself in clear, and to us on another port with TLS and a password."""

    def secure(self, certificate: Certificate, password: str) -> None:
        self.certificate, self.password = certificate, password
        [self.secured_port] = free_ports(1)

    def prepare(self) -> None:
        super().prepare()
        # Of a setting that stands twice, Kafka takes the last.
        with self._config.open("a") as config:
            config.write(LISTENERS.format(
                host=LOOPBACK, port=self.port, controller_port=self.ports["kafka_controller"], user=USER,
                secured_port=self.secured_port, keystore=self.certificate.both, password=self.password))

    def client_settings(self, password: str) -> Path:
        file = self.certificate.key.with_name("client.properties")
        file.write_text(f"# ours\nsecurity.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.username={USER}\n"
                        f"sasl.password={password}\nssl.ca.location={self.certificate.file}\n")
        return file

    def settings(self) -> dict[str, str]:
        return {"SMARTPASS_KAFKA": f"{LOOPBACK}:{self.secured_port}",
                "SMARTPASS_KAFKA_CONFIG": str(self.client_settings(self.password))}


class SecuredRedis(Redis):
    """Has no port without TLS."""

    def secure(self, certificate: Certificate, password: str) -> None:
        self.certificate, self.password = certificate, password

    def command(self) -> list[str]:
        # Of an option that stands twice, Redis takes the last.
        return [*super().command(), "--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no",
                "--tls-cert-file", str(self.certificate.file), "--tls-key-file", str(self.certificate.key),
                "--tls-ca-cert-file", str(self.certificate.file), "--requirepass", self.password]

    def answers(self) -> bool:
        trust = ssl.create_default_context(cafile=self.certificate.file)
        try:
            with socket.create_connection((LOOPBACK, self.port), ANSWER_DEADLINE_SECONDS) as plain, \
                    trust.wrap_socket(plain, server_hostname="localhost") as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                with connection.makefile("rb") as reply:
                    return [reply.readline(), reply.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
        except OSError:
            return False

    def settings(self) -> dict[str, str]:
        # What trusts the certificate is OpenSSL's own variable.
        return {"SMARTPASS_REDIS_URL": f"rediss://:{self.password}@localhost:{self.port}/0",
                "SSL_CERT_FILE": str(self.certificate.file)}


class SecuredServers(LocalServers):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "servers")
        ports = self._ports()
        self.kafka = SecuredKafka(self.directory, ports, True)
        self.redis = SecuredRedis(self.directory, ports, True)
        self.chosen = [self.kafka, self.redis, self.s3]
        certificate = Certificate(folder)
        self.passwords = [secrets.token_hex(16), secrets.token_hex(16)]
        for server, password in zip((self.kafka, self.redis), self.passwords, strict=True):
            server.secure(certificate, password)


class Secured(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="smartpass-secured-")))
        self.world = World(self.folder)
        self.world.servers = SecuredServers(self.folder)
        self.addCleanup(self.world.servers.stop)
        self.world.start()

    def test_a_job_completes_over_tls_with_passwords_that_no_log_holds(self) -> None:
        cluster = self.enterContext(self.world.cluster())
        [producer], _, _ = cluster.start_all()
        people = make_people(self.folder / "people.csv", 2_000, seed=self.id())
        job_id = producer.api.upload(people.content)
        producer.api.wait_until_ended(job_id, END_SECONDS)
        outputs = [people.path.with_suffix(f".{name}") for name in ("success", "errors")]
        for path in outputs:
            path.write_bytes(producer.api.download(job_id, path.suffix[1:])[1])
        self.world.command("verify", str(people.path), *map(str, outputs), "--exact")
        texts = [service.log_text() + service.metrics() for service in cluster.services]
        commands = [Path(f"/proc/{service.process.pid}/cmdline").read_text() for service in cluster.services]
        for password in self.world.servers.passwords:
            self.assertFalse([text for text in texts + commands if password in text])

        wrong = secrets.token_hex(16)
        settings = self.world.servers.settings()
        self.world.servers.kafka.client_settings(wrong)
        environment = self.world.environment | settings
        refused = subprocess.run([PROGRAM, "topics", "check"], env=environment, capture_output=True, text=True,
                                 timeout=DEADLINE_SECONDS)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("Kafka is unavailable", refused.stderr)
        self.assertNotIn(wrong, refused.stderr)


if __name__ == "__main__":
    unittest.main()
