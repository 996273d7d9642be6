"""Redis with SmartPass's settings: it writes to disk before it answers, and refuses writes when its memory is full."""

import socket

from server_process import ANSWER_DEADLINE_SECONDS, LOOPBACK, Server


class Redis(Server):
    """`data/appendonlydir` holds the append-only file."""

    name = "redis"

    def command(self) -> list[str]:
        return ["redis-server", "--bind", LOOPBACK, "--port", str(self.port), "--dir", str(self.data),
                "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction",
                # The append-only file alone restores everything.
                "--save", ""]

    def answers(self) -> bool:
        """PING is answered with an error for as long as the append-only file is being read back."""
        try:
            with socket.create_connection((LOOPBACK, self.port), ANSWER_DEADLINE_SECONDS) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def settings(self) -> dict[str, str]:
        return {"SMARTPASS_REDIS_URL": f"redis://{LOOPBACK}:{self.port}/0"}
