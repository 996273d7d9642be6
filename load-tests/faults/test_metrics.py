"""Prometheus finds the metrics, and the operator's table lists exactly those that there are."""

import json
import re
import unittest
from urllib.parse import quote

from api import LOOPBACK, Api
from cluster import NOTHING_TWICE, ROOT
from scene import Scene, world
from waiting import wait_for

METRICS_TABLE = ROOT / "deploy/METRICS.md"
METRICS_SOURCES = [ROOT / "crates/platform/src/telemetry/metrics.rs", ROOT / "crates/records/src/metrics.rs",
                   ROOT / "crates/http/src/server.rs", *ROOT.glob("services/*/src/metrics.rs")]


class Metrics(Scene):
    def test_prometheus_scrapes_every_service_and_has_its_rows(self) -> None:
        [producer], [tracker], [worker] = self.cluster.start_all(more=NOTHING_TWICE)
        prometheus = world().servers.prometheus
        prometheus.scrape(f"{LOOPBACK}:{service.ops_port}" for service in (producer, tracker, worker))
        self.addCleanup(prometheus.stop)
        prometheus.start()
        people = self.people(1_500)
        job_id = producer.api.upload(people.content)
        self.prove_completed(producer.api, job_id, people)

        def ask(query: str) -> list[dict]:
            _, answer = Api(prometheus.port).ask("GET", f"/api/v1/query?query={quote(query)}")
            return json.loads(answer)["data"]["result"]
        wait_for(lambda: len(ask('up{job="smartpass"} == 1')) == 3, 20, "three services that are up")
        rows = wait_for(lambda: [sample for sample in ask("sum(smartpass_rows_total)")
                                 if float(sample["value"][1]) == people.rows], 20, "all rows in Prometheus")
        self.assertEqual(len(rows), 1)

    def test_the_table_of_metrics_lists_exactly_those_that_there_are(self) -> None:
        [producer], [tracker], [worker] = self.cluster.start_all()
        people = self.people(1_500)
        self.prove_completed(producer.api, producer.api.upload(people.content), people)
        shown = set().union(*(set(re.findall(r"^# TYPE (smartpass_\w+)", service.metrics(), re.MULTILINE))
                              for service in (producer, tracker, worker)))
        # `/metrics` leaves out a metric that nothing has counted yet, so the names come from the source.
        declared = set(re.findall(r'"(smartpass_\w+)"', "".join(source.read_text() for source in METRICS_SOURCES)))
        listed = set(re.findall(r"`(smartpass_\w+)`", METRICS_TABLE.read_text()))
        self.assertLessEqual(shown, declared)
        self.assertEqual(listed, declared)
        self.assertGreater(len(shown), len(declared) / 2)


if __name__ == "__main__":
    unittest.main()
