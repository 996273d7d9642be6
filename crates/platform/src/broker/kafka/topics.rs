//! Creating and checking the topics.

use std::collections::HashMap;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{FutureProducer, Producer};

use super::client::{ANSWER_WITHIN, KafkaSettings, outage, refused_settings};
use crate::broker::TopicLayout;
use crate::error::{Error, Result};

const DAY_MS: u64 = 86_400_000;
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// How many partitions each of the topics has.
pub(super) fn partitions(
    client: &FutureProducer,
    topics: &[TopicLayout],
) -> Result<HashMap<&'static str, u32>> {
    let counts = counts(client)?;
    let known = |topic: &TopicLayout| {
        let name = topic.name;
        let count = counts.get(name).and_then(|count| u32::try_from(*count).ok()).filter(|count| *count > 0);
        let missing = || Error::Config(format!("Kafka has no topic {name} (run: smartpass topics apply)"));
        Ok((name, count.ok_or_else(missing)?))
    };
    topics.iter().map(known).collect()
}

/// How many partitions every topic has.
fn counts(client: &FutureProducer) -> Result<HashMap<String, usize>> {
    let metadata = client.client().fetch_metadata(None, ANSWER_WITHIN).map_err(outage)?;
    Ok(metadata.topics().iter().map(|topic| (topic.name().to_owned(), topic.partitions().len())).collect())
}

fn admin(settings: &KafkaSettings) -> Result<AdminClient<DefaultClientContext>> {
    settings.client(&[]).create().map_err(refused_settings)
}

/// Creates the topics that are missing; answers their names.
///
/// # Errors
/// Kafka does not answer, or refuses.
pub async fn apply_topics(
    settings: &KafkaSettings,
    topics: &[TopicLayout],
    replication: i32,
) -> Result<Vec<&'static str>> {
    let admin = admin(settings)?;
    let mut created = Vec::new();
    for layout in topics {
        let retention = (u64::from(layout.retention_days) * DAY_MS).to_string();
        let in_sync = if replication > 2 { "2" } else { "1" };
        let topic = NewTopic::new(layout.name, layout.partitions, TopicReplication::Fixed(replication))
            .set("cleanup.policy", "delete")
            .set("min.insync.replicas", in_sync)
            .set("retention.ms", &retention);
        let options = AdminOptions::new().request_timeout(Some(ANSWER_WITHIN));
        let answers = admin.create_topics([&topic], &options).await.map_err(outage)?;
        match answers.into_iter().next() {
            Some(Ok(_)) => created.push(layout.name),
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => {}
            Some(Err((_, code))) => return Err(outage(code)),
            None => return Err(outage("Kafka gave no answer")),
        }
    }
    wait_until_seen(settings, topics).await?;
    Ok(created)
}

/// Waits until new topics can be found: Kafka answers before all of its servers know them.
async fn wait_until_seen(settings: &KafkaSettings, topics: &[TopicLayout]) -> Result<()> {
    let client: FutureProducer = settings.client(&[]).create().map_err(refused_settings)?;
    let deadline = tokio::time::Instant::now() + ANSWER_WITHIN;
    loop {
        let counts = counts_of(&client).await?;
        if topics.iter().all(|topic| counts.contains_key(topic.name)) {
            return Ok(());
        }
        if tokio::time::Instant::now() > deadline {
            return Err(outage("the new topics do not appear"));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn counts_of(client: &FutureProducer) -> Result<HashMap<String, usize>> {
    let client = client.clone();
    tokio::task::spawn_blocking(move || counts(&client)).await.map_err(outage)?
}

/// Differences between the topics and their layout; none where all is well.
///
/// # Errors
/// Kafka does not answer.
pub async fn check_topics(settings: &KafkaSettings, topics: &[TopicLayout]) -> Result<Vec<String>> {
    let admin = admin(settings)?;
    let counts = counts_of(&settings.client(&[]).create().map_err(refused_settings)?).await?;
    let mut faults = Vec::new();
    for TopicLayout { name, partitions, retention_days } in topics {
        let Some(&count) = counts.get(*name) else {
            faults.push(format!("{name} is missing (run: smartpass topics apply)"));
            continue;
        };
        if count < usize::try_from(*partitions).unwrap_or(0) {
            faults.push(format!("{name} has {count} partitions (expected at least {partitions})"));
        }
        let options = AdminOptions::new().request_timeout(Some(ANSWER_WITHIN));
        let answers =
            admin.describe_configs([&ResourceSpecifier::Topic(name)], &options).await.map_err(outage)?;
        let described = answers.into_iter().next().and_then(std::result::Result::ok);
        let value = |setting: &str| described.as_ref()?.entry_map().get(setting)?.value.clone();
        let retention = (u64::from(*retention_days) * DAY_MS).to_string();
        for (setting, wanted) in [("retention.ms", retention.as_str()), ("cleanup.policy", "delete")] {
            if let Some(given) = value(setting).filter(|given| given != wanted) {
                faults.push(format!("{name} has {setting} {given} (expected {wanted})"));
            }
        }
    }
    Ok(faults)
}
