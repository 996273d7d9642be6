"""Prometheus, which scrapes the metrics of given processes every second."""

from collections.abc import Iterable

from server_process import LOOPBACK, Server, http_status, write_json

# JSON is YAML. Targets are in a file of their own, which Prometheus watches, so that they can change while it runs.
CONFIG = {
    "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
    "scrape_configs": [{"job_name": "smartpass", "file_sd_configs": [{"files": ["targets.json"]}]}],
}


class Prometheus(Server):
    name = "prometheus"

    def command(self) -> list[str]:
        return ["prometheus", "--config.file", "prometheus.yml", "--storage.tsdb.path", str(self.data / "tsdb"),
                "--web.listen-address", f"{LOOPBACK}:{self.port}"]

    def prepare(self) -> None:
        write_json(self.data / "prometheus.yml", CONFIG)
        if not (self.data / "targets.json").exists():
            self.scrape([])

    def scrape(self, targets: Iterable[str]) -> None:
        """Scrapes these HOST:PORT from now on, and no others."""
        self.data.mkdir(parents=True, exist_ok=True)
        write_json(self.data / "targets.json", [{"targets": sorted(targets)}])

    def answers(self) -> bool:
        return http_status(self.port, "GET", "/-/ready") == 200

    def settings(self) -> dict[str, str]:
        return {"SMARTPASS_PROMETHEUS": f"http://{LOOPBACK}:{self.port}"}
