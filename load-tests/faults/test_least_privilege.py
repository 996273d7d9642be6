"""Every service does its work with only the keys that it needs, and does not start with another's."""

import subprocess
import unittest

from cluster import COMMAND_DEADLINE_SECONDS, PROGRAM, TARGETS
from scene import Scene, world


class LeastPrivilege(Scene):
    def keys_of(self, target: str) -> str:
        file = self.cluster.folder / f"{target}.keys"
        if not file.exists():
            world().command("admin", "key", "derive", "--for", target, "--out", str(file))
        return str(file)

    def without_master_key(self, keys: str) -> dict[str, str]:
        environment = self.cluster.environment | {"SMARTPASS_WRAPPING_KEYS_FILE": keys}
        return {name: value for name, value in environment.items() if name != "SMARTPASS_MASTER_KEY"}

    def test_a_job_completes_with_every_service_under_its_own_keys(self) -> None:
        services = {}
        all_keys = self.cluster.environment
        for target in TARGETS:
            keys = self.keys_of(target)
            self.cluster.environment = self.without_master_key(keys)
            services[target] = self.cluster.start(target)
            self.cluster.environment = all_keys
        people = self.people(1_500)
        producer = services["producer"]
        self.prove_completed(producer.api, producer.api.upload(people.content), people)

    def test_a_worker_with_a_trackers_keys_does_not_start(self) -> None:
        ended = subprocess.run([PROGRAM, "serve", "--target", "encoder-worker"], text=True, capture_output=True,
                               env=self.without_master_key(self.keys_of("tracker")),
                               stdin=subprocess.DEVNULL, timeout=COMMAND_DEADLINE_SECONDS)
        self.assertEqual(ended.returncode, 1)
        self.assertIn('not given the wrapping key for "link"', ended.stderr)


if __name__ == "__main__":
    unittest.main()
