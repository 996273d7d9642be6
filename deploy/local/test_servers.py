"""The tests of LocalServers: servers come back with their data, and no process stays behind.

    target/local/venv/bin/python -m unittest discover -s deploy/local
"""

import http.client
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import redis
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from server_process import HERE, LOOPBACK, start_ticks
from servers import LocalServers

SERVERS = str(HERE / "servers.py")
DEADLINE_SECONDS = 60


def put_once(port: int, path: str) -> int:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=DEADLINE_SECONDS)
    # Nobody checks the signature, but what is not signed at all may not touch an existing object.
    signed = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
    connection.request("PUT", path, b"bytes", {"If-None-Match": "*", "Authorization": signed})
    return connection.getresponse().status


class TheServers(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.servers = cls.enterClassContext(LocalServers())

    def test_kafka_keeps_what_it_acknowledged_through_a_kill(self) -> None:
        brokers = {"bootstrap.servers": self.servers.settings()["SMARTPASS_KAFKA"], "log_level": 0}
        administrator = AdminClient(brokers)
        administrator.create_topics([NewTopic("kept", 1, 1)])["kept"].result(DEADLINE_SECONDS)
        producer = Producer(brokers | {"enable.idempotence": True})
        producer.produce("kept", b"before")
        self.assertEqual(producer.flush(DEADLINE_SECONDS), 0)

        self.servers.kafka.kill()
        self.assertFalse(self.servers.kafka.running)
        self.servers.kafka.start()

        producer.produce("kept", b"after")
        self.assertEqual(producer.flush(DEADLINE_SECONDS), 0)
        consumer = Consumer(brokers | {"group.id": "reader", "auto.offset.reset": "earliest"})
        consumer.subscribe(["kept"])
        values = [message.value() for message in consumer.consume(2, DEADLINE_SECONDS)]
        consumer.close()
        self.assertEqual(values, [b"before", b"after"])
        segments = (self.servers.kafka.data / "topics/kept-0").glob("*.log")
        self.assertTrue(any(b"before" in segment.read_bytes() for segment in segments))

    def test_redis_keeps_what_it_acknowledged_through_a_kill_and_answers_nothing_while_paused(self) -> None:
        client = redis.Redis.from_url(self.servers.settings()["SMARTPASS_REDIS_URL"], socket_timeout=3, retry=None)
        client.set("kept", "yes")
        self.assertEqual(client.config_get("append*")["appendfsync"], "always")
        self.servers.redis.kill()
        with self.assertRaises(redis.ConnectionError):
            client.get("kept")
        self.servers.redis.start()
        self.assertEqual(client.get("kept"), b"yes")
        self.servers.redis.pause()
        with self.assertRaises(redis.TimeoutError):
            client.get("kept")
        self.servers.redis.resume()
        self.assertEqual(client.get("kept"), b"yes")

    def test_s3_lets_one_conditional_put_through(self) -> None:
        port = self.servers.s3.port
        self.assertEqual([put_once(port, "/smartpass/once"), put_once(port, "/smartpass/once")], [200, 412])

    def test_another_object_on_the_directory_finds_the_same_servers(self) -> None:
        other = LocalServers(self.servers.directory)
        self.assertEqual(other.running(), ["kafka", "redis", "s3"])
        self.assertEqual(other.settings(), self.servers.settings())
        self.assertEqual(other.redis.pid, self.servers.redis.pid)


class TheCommand(unittest.TestCase):
    def setUp(self) -> None:
        self.directory = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def run_redis_under(self, script: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [SERVERS, "run", "--only", "redis", "--dir", str(self.directory), "--", "bash", "-c", script],
            stdout=subprocess.PIPE, text=True)

    def redis_runs(self) -> bool:
        return LocalServers(self.directory).redis.running

    def test_run_hands_on_settings_and_exit_code_and_leaves_nothing(self) -> None:
        process = self.run_redis_under('redis-cli -u "$SMARTPASS_REDIS_URL" ping; exit 7')
        output, _ = process.communicate(timeout=DEADLINE_SECONDS)
        self.assertEqual((output, process.returncode), ("PONG\n", 7))
        self.assertFalse(self.redis_runs())

    def test_run_stops_everything_when_told_to_end(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with self.subTest(number.name):
                process = self.run_redis_under("echo ready; exec sleep 1000")
                self.assertEqual(process.stdout.readline(), "ready\n")
                process.send_signal(number)
                process.communicate(timeout=DEADLINE_SECONDS)
                self.assertEqual(process.returncode, 128 + number)
                self.assertFalse(self.redis_runs())

    def test_a_command_is_stopped_too_when_the_end_comes_before_its_start_is_known(self) -> None:
        process = self.run_redis_under("kill -s TERM $PPID; exec sleep 1000")
        process.communicate(timeout=DEADLINE_SECONDS)
        self.assertEqual(process.returncode, 128 + signal.SIGTERM)
        self.assertFalse(self.redis_runs())

    def test_servers_die_with_a_killed_run(self) -> None:
        # The command ends by itself when the pipe to its standard input does.
        process = subprocess.Popen(
            [SERVERS, "run", "--only", "redis", "--dir", str(self.directory), "--", "bash", "-c", "echo ready; cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.assertEqual(process.stdout.readline(), "ready\n")
        redis_pid = LocalServers(self.directory).redis.pid
        with open(f"/proc/{redis_pid}/comm") as name:
            self.assertEqual(name.read(), "redis-server\n")
        process.kill()
        process.communicate(timeout=DEADLINE_SECONDS)
        self.assertTrue(LocalServers(self.directory).redis.ends_within(DEADLINE_SECONDS))

    def test_down_kills_no_stranger_that_got_the_pid(self) -> None:
        stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        pid_file = LocalServers(self.directory).redis.pid_file
        pid_file.write_text(f"{stranger.pid} {start_ticks(stranger.pid) - 1}\n")
        subprocess.run([SERVERS, "down", "--dir", str(self.directory)], check=True, stderr=subprocess.DEVNULL)
        self.assertIsNone(stranger.poll())
        stranger.communicate(b"\n", timeout=DEADLINE_SECONDS)


if __name__ == "__main__":
    unittest.main()
