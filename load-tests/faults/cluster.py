"""Our own processes: started with short timeouts on free ports, made to fail on demand, and stopped for certain."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import secrets
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "deploy/local"), str(ROOT / "schemas/reader")]

from server_process import free_ports, http_status  # noqa: E402
from servers import LocalServers  # noqa: E402

from api import LOOPBACK, Api  # noqa: E402
from people import PROJECT, template_text  # noqa: E402
from waiting import wait_for  # noqa: E402

PROGRAM = str(Path(os.environ.get("SMARTPASS_BIN") or ROOT / "target/debug/smartpass").resolve())
COMMAND_DEADLINE_SECONDS = 60
START_DEADLINE_SECONDS = 40
STOP_DEADLINE_SECONDS = 25
SESSION_SECONDS = 4
LAST_SWEEP_SECONDS = 6
# All timeouts are short, so that a test sees their effects within seconds.
SETTINGS = ["--chunk-rows", "500", "--encoders", "1", "--stall-seconds", "3", "--drain-seconds", "5",
            "--sweep-seconds", f"0,3,{LAST_SWEEP_SECONDS}", "--tick-ms", "50",
            "--log", "info,smartpass_tracker=debug,smartpass_encoder_worker=debug"]
KAFKA_SETTINGS = ["--kafka-set", f"session.timeout.ms={SESSION_SECONDS * 1000}",
                  "--kafka-set", "heartbeat.interval.ms=500"]
# For tests that count attempts: a slow machine causes no second publication and no rebalance.
NOTHING_TWICE = ["--stall-seconds", "120", "--kafka-set", "session.timeout.ms=30000"]
PARTITIONS_ASSIGNED, PARTITIONS_REVOKED = "partitions assigned", "partitions revoked"
TARGETS = ("producer", "tracker", "encoder-worker")
# Services get no settings from the environment of the person who runs the tests.
CLEAN_ENVIRONMENT = {name: value for name, value in os.environ.items()
                     if not name.startswith(("SMARTPASS_", "AWS_"))}


class Service:
    """One process."""

    def __init__(self, name: str, folder: Path, arguments: list[str], environment: dict[str, str],
                 fault: str | None = None) -> None:
        self.name, self.fault = name, fault
        self.has_api = name.endswith(("producer", "serve"))
        self.log = folder / f"{name}.log"
        api_port, self.ops_port = free_ports(2)
        self.api = Api(api_port)
        command = [PROGRAM, "serve", *arguments, "--listen", f"{LOOPBACK}:{api_port}",
                   "--ops-listen", f"{LOOPBACK}:{self.ops_port}"]
        if fault:
            environment = environment | {"SMARTPASS_FAILPOINT": fault}
        with self.log.open("ab") as log:
            # The kernel kills it when the tests end, however that happens.
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *command], env=environment,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def wait_until_ready(self) -> None:
        wait_for(self._ready_or_dead, START_DEADLINE_SECONDS, f"{self.name}'s readiness")

    def _ready_or_dead(self) -> bool:
        assert self.process.poll() is None, f"{self.name} ended while it started:\n{self.log_text()[-2000:]}"
        # Readiness is told on another port, which is there first.
        return self.is_ready() and (not self.has_api or http_status(self.api.port, "GET", "/") is not None)

    def is_ready(self) -> bool:
        return http_status(self.ops_port, "GET", "/readyz") == 200

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for_log(self, text: str, seconds: float = 30, times: int = 1) -> None:
        wait_for(lambda: self.log_text().count(text) >= times, seconds, f"{text!r} in the log of {self.name}")

    def partition_moves(self, what: str) -> int:
        """The number of assignments or revocations in the log. A rebalance that moves no partition is logged too."""
        return len(re.findall(rf'"message":"{what}".*"partitions":[1-9]', self.log_text()))

    def wait_until_it_has_partitions(self) -> None:
        wait_for(lambda: self.partition_moves(PARTITIONS_ASSIGNED), 30, f"partitions for {self.name}")

    def metrics(self) -> str:
        """The metrics, as an operator sees them."""
        status, content = Api(self.ops_port).ask("GET", "/metrics")
        assert status == 200
        return content.decode()

    def keep_metrics(self) -> Path:
        """Writes them down, so that rows can be looked for in them."""
        file = self.log.with_suffix(".metrics")
        file.write_text(self.metrics())
        return file

    def metric(self, sample: str) -> float:
        """The value of a sample such as `smartpass_chunks_total{event="encoded"}`; 0 where it is not there yet."""
        found = re.search(rf"^{re.escape(sample)} (\S+)$", self.metrics(), re.MULTILINE)
        return float(found[1]) if found else 0

    # What can be done to it.

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(STOP_DEADLINE_SECONDS)

    def stop(self) -> None:
        """Asks it to end in order, and insists on it."""
        self.signal(signal.SIGTERM)
        code = self.process.wait(STOP_DEADLINE_SECONDS)
        assert code == 0, f"{self.name} ended with {code}:\n{self.log_text()[-2000:]}"

    def wait_until_it_killed_itself(self, seconds: float = 40) -> None:
        """Waits until its fault has killed it, and checks that nothing else has."""
        wait_for(lambda: self.process.poll() is not None, seconds, f"the death of {self.name} by {self.fault}")
        self.assert_fault_landed()
        assert self.process.returncode == -signal.SIGKILL, f"{self.name} ended with {self.process.returncode}"

    def wait_until_it_stopped_itself(self, seconds: float = 40) -> None:
        """Waits until its fault has stopped it (SIGSTOP): the process exists and does nothing."""
        stat = Path(f"/proc/{self.process.pid}/stat")
        wait_for(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", seconds, f"{self.name} to stand still")
        self.assert_fault_landed()

    def assert_fault_landed(self) -> None:
        place = (self.fault or "").partition("=")[0].partition(":")[0]
        lines = [line for line in self.log_text().splitlines() if "failpoint reached" in line]
        assert lines and all(place in line for line in lines), f"{self.name}: the fault at {place} did not happen"

    def put_away(self) -> None:
        """Ends it at the end of a test, in whatever state it is."""
        with contextlib.suppress(ProcessLookupError):
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)

    def wait_until_gone(self) -> None:
        try:
            self.process.wait(STOP_DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()


class Cluster:
    """Services that work together, with a folder for their logs. `with` puts them all away."""

    def __init__(self, folder: Path, environment: dict[str, str], settings: list[str]) -> None:
        self.folder, self.environment, self.settings = folder, environment, settings
        self.folder.mkdir(parents=True)
        self.services: list[Service] = []

    def start(self, target: str | None, fault: str | None = None, more: list[str] | None = None) -> Service:
        """One service, or all in one process where no target is named. It is ready when this answers. A setting among
        `more` stands instead of the usual one; of Kafka's own, the last counts."""
        service = self.launch(target, fault, more)
        service.wait_until_ready()
        return service

    def launch(self, target: str | None, fault: str | None = None, more: list[str] | None = None) -> Service:
        name = f"{len(self.services)}-{target or 'serve'}"
        own = more or []
        settings = [word for pair in zip(self.settings[::2], self.settings[1::2], strict=True)
                    if pair[0] not in own or pair[0] == "--kafka-set" for word in pair]
        arguments = [*(["--target", target] if target else []), *settings, *own]
        service = Service(name, self.folder, arguments, self.environment, fault)
        self.services.append(service)
        return service

    def start_all(self, producers: int = 1, trackers: int = 1, workers: int = 1,
                  more: list[str] | None = None) -> list[list[Service]]:
        groups = [[self.launch(target, more=more) for _ in range(count)]
                  for target, count in zip(TARGETS, (producers, trackers, workers), strict=True)]
        for service in itertools.chain(*groups):
            service.wait_until_ready()
        for service in itertools.chain(*groups[1:]):
            service.wait_until_it_has_partitions()
        return groups

    def client(self, api: Api, *arguments: str) -> subprocess.CompletedProcess:
        """`smartpass jobs …` on the API."""
        command = [PROGRAM, "jobs", *arguments, "--server", f"http://{LOOPBACK}:{api.port}"]
        return subprocess.run(command, env=self.environment, text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=COMMAND_DEADLINE_SECONDS)

    def running(self) -> list[Service]:
        return [service for service in self.services if service.process.poll() is None]

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_exception: object) -> None:
        for service in self.running():
            service.put_away()
        for service in self.services:
            service.wait_until_gone()


class World:
    """The servers, a project with a template on them, and the secrets that both need."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.master_key = secrets.token_hex(32)
        self.servers = LocalServers(folder / "servers")
        self.environment = CLEAN_ENVIRONMENT | {
            "SMARTPASS_STATE": str(folder / "state"), "SMARTPASS_MASTER_KEY": self.master_key,
            "SMARTPASS_PASSPHRASE": secrets.token_hex(16), "SMARTPASS_PROJECT": PROJECT,
        }
        self.clusters: list[Cluster] = []

    def start(self) -> None:
        self.servers.start()
        try:
            self._make_project()
        except BaseException:
            self.servers.stop()
            raise

    def _make_project(self) -> None:
        template, export = self.folder / "members.toml", self.folder / "project.age"
        template.write_text(template_text())
        self.command("project", "new", PROJECT)
        self.command("template", "publish", str(template))
        self.command("project", "export", "--out", str(export))
        shared = self.servers.settings()
        self.command("topics", "apply", "--replication", "1", more=shared)
        self.command("admin", "project", "import", str(export), more=shared)

    def command(self, *arguments: str, more: dict[str, str] | None = None) -> str:
        """A command of ours, which has to succeed; answers what it prints."""
        ended = subprocess.run([PROGRAM, *arguments], env=self.environment | (more or {}), text=True,
                               stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_DEADLINE_SECONDS)
        assert ended.returncode == 0, f"smartpass {' '.join(arguments)}: {ended.stderr}{ended.stdout}"
        return ended.stdout

    def cluster(self) -> Cluster:
        """Services on the servers."""
        environment = self.environment | self.servers.settings()
        return self._kept(Cluster(self._next_folder(), environment, SETTINGS + KAFKA_SETTINGS))

    def embedded(self) -> Cluster:
        """Services without any server; their data is in the folder `data`."""
        folder = self._next_folder()
        return self._kept(Cluster(folder, self.environment, [*SETTINGS, "--data", str(folder / "data")]))

    def _next_folder(self) -> Path:
        return self.folder / f"services-{len(self.clusters)}"

    def _kept(self, cluster: Cluster) -> Cluster:
        self.clusters.append(cluster)
        return cluster

    def live_services(self) -> list[Service]:
        return [service for cluster in self.clusters for service in cluster.running()]

    def stop(self) -> None:
        self.servers.stop()
