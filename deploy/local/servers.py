#!/usr/bin/env python3
"""Kafka, Redis and an S3-compatible server on this machine, without Docker: for tests and for trying things out.

On loopback and free ports only. From Python:

    from servers import LocalServers
    with LocalServers() as servers:
        run_something(env=os.environ | servers.settings())
        servers.kafka.kill()
        servers.kafka.start()       # same port, same data
"""

import argparse
import contextlib
import functools
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from kafka_server import Kafka
from prometheus_server import Prometheus
from redis_server import Redis
from s3_server import S3
from server_process import TOOLS, Server, ServerError, free_ports, read_json, write_json

KINDS: dict[str, type[Server]] = {kind.name: kind for kind in (Kafka, Redis, S3, Prometheus)}
USUAL = ("kafka", "redis", "s3")
# What a command under `run` gets to end in order, once `run` itself was told to end.
COMMAND_DEADLINE_SECONDS = 30

EXAMPLES = """\
examples:
  eval "$(deploy/local/servers.py up)"                  start them, and point this shell at them
  deploy/local/servers.py down                          stop what `up` started; the data stays
  deploy/local/servers.py run -- cargo test             start, run, stop, whatever happens
  deploy/local/servers.py run --only redis -- bash      a shell with nothing but Redis
  deploy/local/servers.py up --prometheus --scrape 127.0.0.1:9600

`deploy/local/install` fetches what they need, once.
"""


class LocalServers:
    """The servers of one directory, which holds their data, logs, pid files and the ports they were given.

    A second object on the same directory finds the same servers, in whatever process it is. With `die_with_parent`
    the kernel kills a server when the thread that started it ends, so that a killed test leaves nothing behind.
    """

    kafka: Kafka
    redis: Redis
    s3: S3
    prometheus: Prometheus

    def __init__(self, directory: Path | str | None = None, only: Iterable[str] = USUAL,
                 die_with_parent: bool = True) -> None:
        self._is_temporary = directory is None
        self.directory = Path(directory or tempfile.mkdtemp(prefix="smartpass-servers-")).resolve()
        self.directory.mkdir(parents=True, exist_ok=True)
        ports = self._ports()
        for name, kind in KINDS.items():
            setattr(self, name, kind(self.directory, ports, die_with_parent))
        self.chosen: list[Server] = [getattr(self, name) for name in KINDS if name in set(only)]

    def start(self) -> None:
        """Starts the chosen servers in parallel. If one fails, this call stops those that it started."""
        new = [server for server in self.chosen if not server.running]
        try:
            for server in new:
                server.launch()
            for server in self.chosen:
                server.wait_until_it_answers()
        except BaseException:
            stop_all(new)
            raise

    def stop(self) -> None:
        """Stops every server of the directory, chosen or not."""
        stop_all([getattr(self, name) for name in KINDS])

    def settings(self) -> dict[str, str]:
        """The environment in which our programs find the chosen servers."""
        return {name: value for server in self.chosen for name, value in server.settings().items()}

    def running(self) -> list[str]:
        return [name for name in KINDS if getattr(self, name).running]

    def __enter__(self) -> "LocalServers":
        try:
            self.start()
        except BaseException:
            self._discard()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        try:
            self.stop()
        finally:
            self._discard()

    def _discard(self) -> None:
        if self._is_temporary:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _ports(self) -> dict[str, int]:
        """The directory's ports: drawn once, so that a server comes back where its clients look for it."""
        file = self.directory / "ports.json"
        names = [*KINDS, "kafka_controller"]
        ports = read_json(file)
        if set(names) != set(ports):
            ports = dict(zip(names, free_ports(len(names)), strict=True))
            write_json(file, ports)
        return ports


def stop_all(servers: list[Server]) -> None:
    """Stops them even if one of them resists; then says which did."""
    failures = []
    for server in servers:
        try:
            server.stop()
        except ServerError as error:
            failures.append(str(error))
    if failures:
        raise ServerError("; ".join(failures))


class Interrupted(BaseException):
    """A signal told us to end. Not an Exception: nothing but the main program is to catch it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_on_signals() -> None:
    def end(number: int, _frame: object) -> None:
        # One is enough: a second would interrupt the cleaning up.
        for each in ENDING_SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(number)

    for number in ENDING_SIGNALS:
        signal.signal(number, end)


def run_command(command: list[str], settings: dict[str, str]) -> int:
    # A signal that came before the child is known here would leave it behind.
    usual = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
    let_signals_come = functools.partial(signal.pthread_sigmask, signal.SIG_SETMASK, usual)
    try:
        child = subprocess.Popen(command, env=os.environ | settings, preexec_fn=let_signals_come)
    except OSError as error:
        let_signals_come()
        print(f"servers.py: {command[0]}: {error.strerror}", file=sys.stderr)
        return 127 if isinstance(error, FileNotFoundError) else 126
    try:
        let_signals_come()
        code = child.wait()
    except Interrupted:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(COMMAND_DEADLINE_SECONDS)
        child.kill()
        child.wait()
        raise
    return code if code >= 0 else 128 - code


def print_exports(settings: dict[str, str]) -> None:
    for name, value in settings.items():
        print(f"export {name}={shlex.quote(value)}")


def up(arguments: argparse.Namespace) -> int:
    servers = LocalServers(arguments.dir, arguments.only, die_with_parent=False)
    if arguments.scrape:
        servers.prometheus.scrape(arguments.scrape)
    servers.start()
    print(f"running: {', '.join(servers.running())}; data and logs in {servers.directory}", file=sys.stderr)
    print_exports(servers.settings())
    return 0


def down(arguments: argparse.Namespace) -> int:
    if not arguments.dir.is_dir():
        return 0
    servers = LocalServers(arguments.dir)
    running = servers.running()
    servers.stop()
    print(f"stopped: {', '.join(running) or 'nothing was running'}", file=sys.stderr)
    return 0


def env(arguments: argparse.Namespace) -> int:
    names = LocalServers(arguments.dir).running() if arguments.dir.is_dir() else []
    if not names:
        print(f"servers.py: nothing runs in {arguments.dir}: start it with `servers.py up`", file=sys.stderr)
        return 1
    print_exports(LocalServers(arguments.dir, names).settings())
    return 0


def run(arguments: argparse.Namespace) -> int:
    servers = LocalServers(arguments.dir, arguments.only)
    if arguments.scrape:
        servers.prometheus.scrape(arguments.scrape)
    with servers:
        return run_command(arguments.command, servers.settings())


def names_of_servers(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in KINDS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no server called {unknown[0]!r} (expected some of {','.join(KINDS)})")
    return names


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Kafka, Redis and an S3-compatible server on loopback and free ports, without Docker.",
        epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="up|down|env|run")

    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--dir", type=Path, default=TOOLS / "servers", metavar="DIR",
                       help="where data, logs and pid files are (default: target/local/servers)")
    what = argparse.ArgumentParser(add_help=False)
    what.add_argument("--only", type=names_of_servers, default=list(USUAL), metavar="NAME,…",
                      help=f"which servers (default: {','.join(USUAL)})")
    what.add_argument("--prometheus", action="store_true", help="Prometheus too")
    what.add_argument("--scrape", action="append", metavar="HOST:PORT",
                      help="what Prometheus asks for metrics every second; may be repeated")

    verbs.add_parser("up", parents=[where, what],
                     help="start them in the background and print the settings as `export` lines")
    verbs.add_parser("down", parents=[where], help="stop what `up` started there")
    verbs.add_parser("env", parents=[where], help="print the settings of those that run there")
    run_parser = verbs.add_parser("run", parents=[what], help="start them, run a command with the settings, stop them")
    run_parser.add_argument("--dir", type=Path, metavar="DIR",
                            help="keep data and logs there (default: a temporary directory, removed at the end)")
    run_parser.add_argument("command", nargs="+", metavar="COMMAND")

    arguments = parser.parse_args(argv)
    if arguments.verb in ("up", "run") and (arguments.prometheus or arguments.scrape):
        arguments.only = [*arguments.only, "prometheus"]
    return arguments


def main() -> int:
    arguments = parse(sys.argv[1:])
    end_on_signals()
    try:
        return {"up": up, "down": down, "env": env, "run": run}[arguments.verb](arguments)
    except ServerError as error:
        print(f"servers.py: {error}", file=sys.stderr)
        return 1
    except Interrupted as interruption:
        return 128 + interruption.number


if __name__ == "__main__":
    sys.exit(main())
