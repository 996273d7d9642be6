"""One server as a background process: started, found again by its pid file, and stopped for certain.

A pid alone may by now belong to somebody else's process, so the pid file also holds the moment the process began (in
the kernel's ticks), and signals go through a pidfd, which names one process and never its successor.
"""

import contextlib
import http.client
import json
import os
import random
import re
import select
import signal
import socket
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOOLS = Path(os.environ.get("SMARTPASS_LOCAL") or HERE.parents[1] / "target/local").resolve()
LOOPBACK = "127.0.0.1"

# Kafka needs 3 to 6 seconds on two idle cores; a compiler beside it makes that a multiple.
START_DEADLINE_SECONDS = 90
STOP_DEADLINE_SECONDS = 20
# How often a server that starts is asked whether it answers yet.
POLL_SECONDS = 0.05
# Ports that were given out, whether somebody listens there yet or not.
GIVEN_PORTS: set[int] = set()
ANSWER_DEADLINE_SECONDS = 5
# A server that gives up often logs the reason first and then, at length, how it closes down.
LOG_COMPLAINTS_IN_ERRORS = 8
LOG_LINES_IN_ERRORS = 12


class ServerError(Exception):
    """A server could not be started, with what to do or the end of its log."""


def free_ports(count: int) -> list[int]:
    """Free ports, below the kernel's ephemeral range.

    While a server is down between a kill and a restart, the kernel may give the server's own port to a client that
    keeps reconnecting, which then connects to itself. The server could not come back.
    """
    lowest_lent = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    candidates = list(set(range(10_000, max(lowest_lent, 21_000))) - GIVEN_PORTS)
    random.shuffle(candidates)
    found: list[int] = []
    for port in candidates:
        if len(found) == count:
            break
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            found.append(port)
    GIVEN_PORTS.update(found)
    return found


def http_status(port: int, method: str, path: str) -> int | None:
    """The status of a request to a server on this machine, or None while it does not answer.

    Plain http.client: urllib would send requests for loopback through a proxy named in the environment.
    """
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=ANSWER_DEADLINE_SECONDS)
    try:
        connection.request(method, path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def start_ticks(pid: int) -> int | None:
    """When the process began, in ticks since boot; None if there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The second field is the program's name in brackets and may itself hold spaces and brackets.
    return int(stat.rpartition(")")[2].split()[19])


class Server:
    """A server with one port, one data directory and one log, all of which outlive its process."""

    name = ""

    def __init__(self, directory: Path, ports: dict[str, int], die_with_parent: bool = False) -> None:
        self.port = ports[self.name]
        self.ports = ports
        self.data = directory / self.name
        self.log = directory / f"{self.name}.log"
        self.pid_file = directory / f"{self.name}.pid"
        self.die_with_parent = die_with_parent
        self._log_start = 0
        self._child: subprocess.Popen[bytes] | None = None

    # What each kind of server says about itself.

    def command(self) -> list[str]:
        raise NotImplementedError

    def prepare(self) -> None:
        """Lays out the data directory before the first start; harmless when repeated."""

    def answers(self) -> bool:
        """Whether it works, not only whether its port is open."""
        raise NotImplementedError

    def settings(self) -> dict[str, str]:
        """The environment in which our programs find it."""
        raise NotImplementedError

    # What can be done to any of them.

    def start(self) -> None:
        """Starts it, on the same port and data as before, and waits until it answers."""
        self.launch()
        self.wait_until_it_answers()

    def launch(self) -> None:
        """Starts it without waiting; does nothing while it runs."""
        if self.running:
            return
        self.data.mkdir(parents=True, exist_ok=True)
        self.prepare()
        # The kernel kills it when the thread that started it ends, however that happens.
        tie = ["setpriv", "--pdeathsig", "KILL", "--"] if self.die_with_parent else []
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            try:
                self._child = subprocess.Popen(
                    tie + self.command(), cwd=self.data, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    # Ctrl-C at the terminal is for whoever started it, who then stops it in order.
                    start_new_session=True)
            except FileNotFoundError as error:
                raise ServerError(f"{self.name}: {error.filename} is missing: run deploy/local/install") from error
        self.pid_file.write_text(f"{self._child.pid} {start_ticks(self._child.pid)}\n")

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_DEADLINE_SECONDS
        while not self.answers():
            if self.ends_within(POLL_SECONDS):
                raise ServerError(f"{self.name} ended while it started; {self.log} says:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServerError(f"{self.name} did not answer on port {self.port} within {START_DEADLINE_SECONDS} s; "
                                  f"{self.log} says:\n{self.log_tail()}")

    def stop(self) -> None:
        """Asks it to end, and kills it when it takes too long."""
        self._signal(signal.SIGTERM)
        # A paused process acts on nothing but SIGKILL until it is resumed.
        self._signal(signal.SIGCONT)
        if not self.ends_within(STOP_DEADLINE_SECONDS):
            self.kill()
        self.pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """Ends it at once, as a crash would."""
        self._signal(signal.SIGKILL)
        if not self.ends_within(STOP_DEADLINE_SECONDS):
            raise ServerError(f"{self.name} (pid {self.pid}) outlived SIGKILL")
        self.pid_file.unlink(missing_ok=True)

    def restart(self) -> None:
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freezes it: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    @property
    def pid(self) -> int | None:
        """The pid of our own child or else of the process in the pid file, if that very process still exists."""
        if self._child is not None and self._child.poll() is None:
            return self._child.pid
        try:
            pid, ticks = map(int, self.pid_file.read_text().split())
        except (OSError, ValueError):
            return None
        return pid if start_ticks(pid) == ticks else None

    @property
    def running(self) -> bool:
        return not self.ends_within(0)

    def ends_within(self, seconds: float) -> bool:
        """Waits for its process to end: whether it did, or there was none."""
        with self._process() as process:
            if process is not None:
                poll = select.poll()
                poll.register(process, select.POLLIN)
                if not poll.poll(seconds * 1000):
                    return False
        if self._child is not None:
            # Without this it would stay in the process table for as long as we run.
            self._child.poll()
        return True

    def log_tail(self) -> str:
        """What the log says since the last start: its complaints, then its end."""
        try:
            with self.log.open(errors="replace") as log:
                log.seek(self._log_start)
                lines = log.read().splitlines()
        except OSError:
            lines = []
        earlier, last = lines[:-LOG_LINES_IN_ERRORS], lines[-LOG_LINES_IN_ERRORS:]
        complaints = [line for line in earlier
                      if " INFO " not in line and re.search(r"\b(ERROR|FATAL)\b|Exception|[Ee]rror:", line)]
        shown = [*complaints[:LOG_COMPLAINTS_IN_ERRORS], *(["…"] if earlier else []), *last]
        return "\n".join(f"    {line}" for line in shown or ["(nothing)"])

    @contextlib.contextmanager
    def _process(self):
        """A pidfd of the process that `pid` names; None if it is gone."""
        pid = self.pid
        try:
            handle = os.pidfd_open(pid) if pid else None
        except ProcessLookupError:
            handle = None
        try:
            # Between reading the pid and opening it, the process may have ended and the pid may be another's.
            yield handle if handle is not None and self.pid == pid else None
        finally:
            if handle is not None:
                os.close(handle)

    def _signal(self, number: signal.Signals) -> None:
        with self._process() as process, contextlib.suppress(ProcessLookupError):
            if process is not None:
                signal.pidfd_send_signal(process, number)


def read_json(path: Path) -> dict:
    with contextlib.suppress(OSError):
        return json.loads(path.read_text())
    return {}


def write_json(path: Path, value: object) -> None:
    """Replaces the file in one step: whoever reads it meanwhile sees the old or the new one, whole."""
    new = path.with_name(path.name + ".new")
    new.write_text(json.dumps(value, indent=2) + "\n")
    new.rename(path)
