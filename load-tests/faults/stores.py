"""What is in Kafka, Redis and S3, read without any of the services' code."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import time
import uuid
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator
from urllib.parse import quote

import fastavro
import redis
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from fastavro.schema import fingerprint, to_parsing_canonical_form

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas/messages"
CHUNKS, RESULTS, JOBS, DEAD_LETTERS = (
    "smartpass.chunks", "smartpass.results", "smartpass.jobs", "smartpass.dead-letters")
TOPICS = (CHUNKS, RESULTS, JOBS, DEAD_LETTERS, "smartpass.passes")
DUE_JOBS = "smartpass:due:job"
DEADLINE_SECONDS = 30
NONCE_BYTES = 12
TAG_BYTES = 16


# Messages


@dataclass(frozen=True)
class Message:
    topic: str
    partition: int
    offset: int
    kind: str
    datum: dict


def known_schemas() -> dict[bytes, dict]:
    """By what stands before a message in Avro's single-object encoding: marker and CRC-64-AVRO fingerprint."""
    schemas = {}
    for file in SCHEMAS.glob("*.avsc"):
        schema = json.loads(file.read_text())
        digits = fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO")
        schemas[b"\xc3\x01" + bytes.fromhex(digits)] = fastavro.parse_schema(schema)
    return schemas


class Topics:
    """All messages of all topics, from the first. Each read continues where the last one ended."""

    def __init__(self, servers: str) -> None:
        self.servers = servers
        self.schemas = known_schemas()
        self.messages: list[Message] = []
        self.next_offsets: dict[tuple[str, int], int] = {}

    def read(self) -> list[Message]:
        ends = self.ends()
        wanted = {place: end for place, end in ends.items() if end > self.next_offsets.get(place, 0)}
        if wanted:
            self._read_up_to(wanted)
        return self.messages

    def _read_up_to(self, wanted: dict[tuple[str, int], int]) -> None:
        consumer = Consumer({"bootstrap.servers": self.servers, "group.id": f"history-{uuid.uuid4()}",
                             "enable.auto.commit": False, "log_level": 0})
        try:
            consumer.assign([TopicPartition(topic, partition, self.next_offsets.get((topic, partition), 0))
                             for topic, partition in wanted])
            deadline = time.monotonic() + DEADLINE_SECONDS
            while any(self.next_offsets.get(place, 0) < end for place, end in wanted.items()):
                assert time.monotonic() < deadline, "Kafka does not give all its messages"
                for record in consumer.consume(1000, 0.2):
                    assert record.error() is None, record.error()
                    place = (record.topic(), record.partition())
                    assert record.offset() == self.next_offsets.get(place, 0), f"a gap in {place}"
                    self.next_offsets[place] = record.offset() + 1
                    kind, datum = self._decoded(record.topic(), record.value())
                    self.messages.append(Message(*place, record.offset(), kind, datum))
        finally:
            consumer.close()

    def _decoded(self, topic: str, raw: bytes) -> tuple[str, dict]:
        schema = self.schemas.get(raw[:10])
        assert schema is not None, f"a message in {topic} has a schema that is not in {SCHEMAS.name}"
        rest = io.BytesIO(raw[10:])
        datum = fastavro.schemaless_reader(rest, schema, None)
        assert not rest.read(), f"a message in {topic} goes on behind its end"
        return schema["name"].removeprefix("smartpass."), datum

    def ends(self) -> dict[tuple[str, int], int]:
        """The offset behind the last message of every partition."""
        administrator = self._administrator()
        known = administrator.list_topics(timeout=DEADLINE_SECONDS).topics
        places = [TopicPartition(topic, partition) for topic in TOPICS for partition in known[topic].partitions]
        asked = administrator.list_offsets({place: OffsetSpec.latest() for place in places})
        return {(place.topic, place.partition): answer.result(DEADLINE_SECONDS).offset
                for place, answer in asked.items()}

    def committed(self, group: str) -> dict[tuple[str, int], int]:
        """The group's committed offsets, for the partitions that have one."""
        administrator = self._administrator()
        answers = administrator.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
        places = answers[group].result(DEADLINE_SECONDS).topic_partitions
        return {(place.topic, place.partition): place.offset for place in places if place.offset >= 0}

    def has_members(self, group: str) -> bool:
        administrator = self._administrator()
        return bool(administrator.describe_consumer_groups([group])[group].result(DEADLINE_SECONDS).members)

    def _administrator(self) -> AdminClient:
        """An administrator, which has to be kept until its answers are there."""
        return AdminClient({"bootstrap.servers": self.servers, "log_level": 0})


# State


class State:
    def __init__(self, url: str) -> None:
        self.client = redis.Redis.from_url(url)

    def document(self, key: str) -> dict[str, bytes]:
        """The fields of a document; none where there is no such document."""
        fields = {name.decode(): value for name, value in self.client.hgetall(f"smartpass:doc:{key}").items()}
        assert not fields or int(fields.pop("")) > 0, f"{key} has no version"
        return fields

    def job(self, job_id: str) -> dict[str, bytes]:
        return self.document(f"job/{job_id}")

    def record(self, job_id: str) -> dict:
        return json.loads(self.job(job_id)["record"])

    def edit_record(self, job_id: str, old: str, new: str) -> None:
        """Changes a piece of the record's text, at once, so that no commit of a tracker is lost, and makes the job due:
        for what would take hours, or another version."""
        change = """local text, count = redis.call('HGET', KEYS[1], 'record'):gsub(ARGV[1], ARGV[2])
                    redis.call('HSET', KEYS[1], 'record', text)
                    redis.call('HINCRBY', KEYS[1], '', 1)
                    redis.call('ZADD', KEYS[2], 0, ARGV[3])
                    return count"""
        job = f"job/{job_id}"
        found = self.client.eval(change, 2, f"smartpass:doc:{job}", DUE_JOBS, old, new, job)
        assert found == 1, "no such text"

    def due(self, job_id: str) -> float | None:
        """When a tracker has to look at the job next, in milliseconds since 1970."""
        return self.client.zscore(DUE_JOBS, f"job/{job_id}")


def done_chunks(record: dict) -> set[int]:
    return {index for start, end in record["done"] for index in range(start, end)}


# Blobs


class Bucket:
    """The blobs in S3. The server of the tests checks no signature, but wants to see one."""

    SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/s3/aws4_request, "
                               "SignedHeaders=host, Signature=0"}
    NAME = "smartpass"

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, method: str, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_SECONDS)
        try:
            connection.request(method, f"/{self.NAME}{path}", headers=self.SIGNED)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def get(self, path: str) -> bytes:
        status, content = self.ask("GET", "/" + quote(path))
        assert status == 200, f"blob {path}: status {status}"
        return content

    def delete(self, path: str) -> None:
        status, _ = self.ask("DELETE", "/" + quote(path))
        assert status == 204, f"blob {path} is not deleted: status {status}"

    def paths(self, prefix: str) -> list[str]:
        return list(self._listed(prefix))

    def _listed(self, prefix: str) -> Iterator[str]:
        following = ""
        while True:
            status, content = self.ask("GET", f"?list-type=2&prefix={quote(prefix, safe='')}{following}")
            assert status == 200, f"the blobs are not listed: status {status}"
            listing = ElementTree.fromstring(content)
            space = listing.tag.partition("}")[0] + "}" if listing.tag.startswith("{") else ""
            yield from (key.text or "" for key in listing.iterfind(f"{space}Contents/{space}Key"))
            token = listing.findtext(f"{space}NextContinuationToken")
            if not token:
                return
            following = f"&continuation-token={quote(token, safe='')}"


# Keys


class MasterKey:
    """Unwraps what is wrapped as: 4 bytes of id, 12 of nonce, AES-256-GCM under the key that HKDF derives for the
    purpose, with its place as associated data."""

    def __init__(self, digits: str) -> None:
        self.key = bytes.fromhex(digits)
        self.id = hashlib.sha256(b"smartpass/master-key-id\0" + self.key).digest()[:4]

    def unwrap(self, purpose: str, project: str, version: str, wrapped: bytes) -> bytes:
        assert wrapped[:4] == self.id, "a key is wrapped with another master key"
        place = "\0".join(("smartpass/wrap/v1", purpose, project, version)).encode()
        derived = HKDF(SHA256(), 32, b"smartpass/wrap/v1", purpose.encode()).derive(self.key)
        return AESGCM(derived).decrypt(wrapped[4:16], wrapped[16:], place)


def open_blob(data_key: bytes, path: str, sealed: bytes) -> tuple[bytes, str]:
    """What is sealed, and the seal's tag."""
    place = b"smartpass/blob/v1\0" + path.encode()
    content = AESGCM(data_key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place)
    return content, sealed[-TAG_BYTES:].hex()
