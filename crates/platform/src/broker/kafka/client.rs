//! How Kafka is reached, and what its client's errors mean.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;

use crate::error::Error;

/// The deadline of a request about the cluster.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How Kafka is reached.
#[derive(Clone, Debug, Default)]
pub struct KafkaSettings {
    /// `host:port,host:port`.
    pub servers: String,
    /// Settings of librdkafka, passed on as they are: TLS, SASL and the rest. They may hold secrets.
    pub settings: Vec<(String, String)>,
}

impl KafkaSettings {
    /// A client's configuration: our settings, overridden by the operator's.
    pub(super) fn client(&self, ours: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.servers).set("client.id", "smartpass");
        ours.iter().for_each(|(name, value)| {
            config.set(*name, *value);
        });
        self.settings.iter().for_each(|(name, value)| {
            config.set(name, value);
        });
        config
    }
}

pub(super) fn stopping() -> Error {
    Error::unavailable("Kafka", "the process is stopping")
}

pub(super) fn refused_settings(error: KafkaError) -> Error {
    Error::Config(format!("Kafka's client refuses its settings: {error}"))
}

pub(super) fn outage(error: impl std::fmt::Display) -> Error {
    Error::unavailable("Kafka", error)
}
