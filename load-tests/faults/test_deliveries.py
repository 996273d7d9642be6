"""Every message comes twice, and in another order."""

import random
import threading
import unittest
import uuid

from confluent_kafka import Consumer, Producer, TopicPartition

from scene import Scene, history, world
from stores import CHUNKS, RESULTS
from waiting import wait_for

# How many messages are held back, to be published again in another order.
SHUFFLED_TOGETHER = 8
COPY = [("copy", b"1")]


class Repeater(threading.Thread):
    """Publishes every message on chunks and results again, shuffled, to any partition."""

    def __init__(self, servers: str, starts: dict[tuple[str, int], int]) -> None:
        super().__init__()
        self.dice = random.Random(7)
        self.partitions: dict[str, int] = {}
        for topic, _ in starts:
            self.partitions[topic] = self.partitions.get(topic, 0) + 1
        self.consumer = Consumer({"bootstrap.servers": servers, "group.id": f"repeater-{uuid.uuid4()}",
                                  "enable.auto.commit": False, "log_level": 0})
        self.consumer.assign([TopicPartition(topic, partition, offset)
                              for (topic, partition), offset in starts.items()])
        self.producer = Producer({"bootstrap.servers": servers, "linger.ms": 0, "log_level": 0})
        self.repeated = {CHUNKS: 0, RESULTS: 0}
        self.is_over = threading.Event()

    def run(self) -> None:
        held = []
        while not self.is_over.is_set():
            new = [message for message in self.consumer.consume(SHUFFLED_TOGETHER, 0.2) if message.error() is None]
            held += [message for message in new if not message.headers()]
            # Messages are not held back when no more come.
            if len(held) >= SHUFFLED_TOGETHER or (held and not new):
                self.publish_again(held)
                held = []
        self.publish_again(held)
        self.consumer.close()
        assert self.producer.flush(30) == 0

    def publish_again(self, messages: list) -> None:
        self.dice.shuffle(messages)
        for message in messages:
            topic = message.topic()
            partition = self.dice.randrange(self.partitions[topic])
            self.producer.produce(topic, message.value(), key=message.key(), partition=partition, headers=COPY)
            self.repeated[topic] += 1
        self.producer.poll(0)


class Repetitions(Scene):
    def test_a_job_completes_once_though_every_message_comes_twice_and_in_another_order(self) -> None:
        [producer], _, workers = self.cluster.start_all(trackers=2, workers=2)
        starts = {place: end for place, end in history().topics.ends().items() if place[0] in (CHUNKS, RESULTS)}
        repeater = Repeater(world().servers.settings()["SMARTPASS_KAFKA"], starts)
        repeater.start()
        self.addCleanup(repeater.join)
        self.addCleanup(repeater.is_over.set)
        people = self.people(12_000)
        job_id = producer.api.upload(people.content)
        job = producer.api.wait_until_ended(job_id, 60)
        chunks = job["chunks"]["total"]
        wait_for(lambda: min(repeater.repeated.values()) >= chunks, 20, "the repetition of every message")
        # The services have taken all of it, copies included.
        wait_for(history().is_all_consumed, 30, "the end of both topics")
        self.prove_completed(producer.api, job_id, people)
        places = {(message.datum["job"], message.datum["index"], message.partition)
                  for message in history().topics.messages if message.topic == CHUNKS}
        self.assertGreater(len([place for place in places if place[0] == job_id]), chunks)
        begun = [worker.metric('smartpass_chunks_total{event="begun"}') for worker in workers]
        skipped = [worker.metric('smartpass_chunks_total{event="skipped"}') for worker in workers]
        self.assertGreater(sum(begun) + sum(skipped), chunks)


if __name__ == "__main__":
    unittest.main()
