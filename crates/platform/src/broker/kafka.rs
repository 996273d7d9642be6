//! Kafka, through librdkafka: a producer for all topics, and a consumer of its own thread per subscription.

mod client;
mod consumer;
mod topics;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use tokio::sync::mpsc;

pub use client::KafkaSettings;
pub use topics::{apply_topics, check_topics};

use super::{Broker, Consumer, Partitioning, Subscription, TopicLayout};
use crate::error::Result;
use client::{ANSWER_WITHIN, outage, refused_settings, stopping};

/// A message that is not confirmed within this time is reported as not published.
const PUBLISH_WITHIN: &str = "20000";

/// Kafka.
pub struct KafkaBroker {
    settings: KafkaSettings,
    /// The producer, made anew after a fatal error of librdkafka.
    producer: Mutex<FutureProducer>,
    partitions: HashMap<&'static str, u32>,
}

impl KafkaBroker {
    /// Connects and looks at the topics.
    ///
    /// # Errors
    /// librdkafka refuses the settings, Kafka does not answer, or a topic is missing.
    pub async fn connect(settings: KafkaSettings, topics: &[TopicLayout]) -> Result<Self> {
        let producer = make_producer(&settings)?;
        let (probe, wanted) = (producer.clone(), topics.to_vec());
        let partitions = tokio::task::spawn_blocking(move || topics::partitions(&probe, &wanted)).await;
        let partitions = partitions.map_err(|_| stopping())??;
        Ok(Self { settings, producer: Mutex::new(producer), partitions })
    }

    fn producer(&self) -> FutureProducer {
        self.producer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn partition(&self, topic: &str, partitioning: &Partitioning) -> Option<i32> {
        let Partitioning::Spread(key, nth) = partitioning else { return None };
        i32::try_from(spread(key, *nth, *self.partitions.get(topic)?)).ok()
    }
}

/// The partition of the `nth` message of a key, of which any `partitions` in a row go to all partitions.
///
/// Group members hold partitions that lie side by side, so neighbours would all go to one of them. Steps of the golden
/// section give every range its share, however few the messages are (Knuth, TAOCP vol. 3, 6.4: Fibonacci hashing).
fn spread(key: &str, nth: u32, partitions: u32) -> u32 {
    let partitions = u64::from(partitions.max(1));
    let start = key.bytes().fold(0u64, |sum, byte| (sum * 31 + u64::from(byte)) % partitions);
    let golden = partitions * 618 / 1000;
    let step = (golden..).find(|&step| gcd(step, partitions) == 1).unwrap_or(1);
    ((start + u64::from(nth) * step) % partitions) as u32
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn make_producer(settings: &KafkaSettings) -> Result<FutureProducer> {
    let config = settings.client(&[
        ("enable.idempotence", "true"),
        ("acks", "all"),
        ("linger.ms", "2"),
        ("message.timeout.ms", PUBLISH_WITHIN),
    ]);
    config.create().map_err(refused_settings)
}

#[async_trait]
impl Broker for KafkaBroker {
    async fn publish(&self, topic: &'static str, partitioning: Partitioning, payload: Vec<u8>) -> Result<()> {
        let mut record = FutureRecord::to(topic).payload(&payload);
        record.partition = self.partition(topic, &partitioning);
        let (Partitioning::ByKey(key) | Partitioning::Spread(key, _)) = &partitioning;
        record = record.key(key);
        let producer = self.producer();
        match producer.send(record, Duration::ZERO).await {
            Ok(_) => Ok(()),
            Err((error, _)) => {
                if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
                    *self.producer.lock().unwrap_or_else(PoisonError::into_inner) =
                        make_producer(&self.settings)?;
                }
                Err(outage(error))
            }
        }
    }

    fn subscribe(&self, subscription: Subscription) -> Result<Consumer> {
        let (sender, deliveries) = mpsc::channel(subscription.in_hand.max(1));
        let consumer = consumer::start(&self.settings, subscription, sender)?;
        let stop = Box::new(move || tokio::task::spawn_blocking(move || consumer.stop()));
        Ok(Consumer::new(deliveries, stop))
    }

    fn is_volatile(&self) -> bool {
        false
    }

    async fn check(&self) -> Result<()> {
        let (producer, topic) = (self.producer(), self.partitions.keys().next().copied());
        let ask = move || producer.client().fetch_metadata(topic, ANSWER_WITHIN).map(|_| ());
        tokio::task::spawn_blocking(ask).await.map_err(|_| stopping())?.map_err(outage)
    }

    async fn flush(&self, deadline: Duration) {
        let producer = self.producer();
        // A lost message does no harm: its sender finds it in the state and publishes it again.
        let _ = tokio::task::spawn_blocking(move || producer.flush(deadline)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn as_many_messages_as_partitions_go_to_every_one() {
        for partitions in 1..=300 {
            for first in [0, 7, u32::MAX - partitions] {
                let places: HashSet<u32> =
                    (first..first + partitions).map(|nth| spread("a job", nth, partitions)).collect();
                assert_eq!(places, (0..partitions).collect(), "{partitions} partitions");
            }
        }
    }

    #[test]
    fn a_member_with_an_eighth_of_the_partitions_gets_about_an_eighth_of_few_messages() {
        const PARTITIONS: u32 = 64;
        for (key, count) in [("4f", 16), ("00", 24), ("a job", 40)] {
            let places: Vec<u32> = (0..count).map(|nth| spread(key, nth, PARTITIONS)).collect();
            for first in 0..PARTITIONS {
                let is_theirs = |place: &u32| (place + PARTITIONS - first) % PARTITIONS < PARTITIONS / 8;
                let share = places.iter().filter(|place| is_theirs(place)).count() as u32;
                assert!(share.abs_diff(count / 8) <= 1, "{share} of {count} messages from {first}");
            }
        }
    }
}
