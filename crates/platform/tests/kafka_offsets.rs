//! Promises of Kafka alone: which offsets are committed, and what a rebalance takes away.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::TopicPartitionList;
use smartpass_platform::broker::{Broker, Consumer, Delivery, Partitioning, Subscription, check_topics};
use smartpass_platform::random::random_bytes;
use tokio::time::timeout;

use support::{
    ANSWER_WITHIN, LONG_ENOUGH, TOPIC, TOPICS, answered, ends, fresh, fresh_group, kafka, kafka_settings,
    observer,
};

/// Looks at the topic and at what a group has committed, without joining it.
struct Observer {
    consumer: BaseConsumer,
}

impl Observer {
    fn of(group: &str) -> Self {
        Self { consumer: observer(group) }
    }

    /// Begins to read all partitions from their ends on.
    fn read_from_here(&self) {
        self.consumer.assign(&ends(&self.consumer, TOPIC)).unwrap();
    }

    /// Partition and offset of messages that were published since.
    fn places(&self, name: &str, count: usize) -> BTreeMap<String, (i32, i64)> {
        let mut places = BTreeMap::new();
        while places.len() < count {
            let message = self.consumer.poll(ANSWER_WITHIN).expect("what was published can be read").unwrap();
            let payload = String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned();
            if payload.starts_with(name) {
                places.insert(payload, (message.partition(), message.offset()));
            }
        }
        places
    }

    /// The offset that the group goes on at, by partition.
    fn committed(&self) -> BTreeMap<i32, i64> {
        let mut asked = TopicPartitionList::new();
        asked.add_partition_range(TOPIC, 0, TOPICS[0].partitions - 1);
        let answer = self.consumer.committed_offsets(asked, ANSWER_WITHIN).unwrap();
        let elements = answer.elements();
        elements.iter().filter_map(|place| Some((place.partition(), place.offset().to_raw()?))).collect()
    }
}

fn join(broker: &dyn Broker, group: &'static str) -> Consumer {
    join_with(broker, group, 1_000)
}

fn join_with(broker: &dyn Broker, group: &'static str, in_hand: usize) -> Consumer {
    broker.subscribe(Subscription { group, topic: TOPIC, in_hand, drain: LONG_ENOUGH }).unwrap()
}

async fn publish(broker: &dyn Broker, name: &str, keys: usize, count: usize) {
    for index in 0..count {
        let place = Partitioning::ByKey(format!("{name}/{}", index % keys));
        broker.publish(TOPIC, place, format!("{name}/{index:02}").into_bytes()).await.unwrap();
    }
}

/// Deliveries of this test until `enough` says so. Those of others are finished.
async fn take(
    consumer: &mut Consumer,
    name: &str,
    mut enough: impl FnMut(&BTreeMap<String, Delivery>) -> bool,
) -> BTreeMap<String, Delivery> {
    let taking = async {
        let mut taken = BTreeMap::new();
        while !enough(&taken) {
            let mut delivery = consumer.next().await.expect("the consumer is open");
            let payload = String::from_utf8_lossy(&delivery.payload).into_owned();
            if payload.starts_with(name) {
                taken.insert(payload, delivery);
            } else if delivery.ack.start() {
                delivery.ack.finish();
            }
        }
        taken
    };
    timeout(LONG_ENOUGH, taking).await.expect("what was published arrives")
}

fn text(delivery: &Delivery) -> Option<String> {
    String::from_utf8(delivery.payload.clone()).ok()
}

fn finish(mut delivery: Delivery) {
    assert!(delivery.ack.start());
    delivery.ack.finish();
}

/// The lowest offset of each partition among some of the messages.
fn lowest<'a>(
    names: impl Iterator<Item = &'a String>,
    places: &BTreeMap<String, (i32, i64)>,
) -> BTreeMap<i32, i64> {
    let mut lowest = BTreeMap::new();
    for (partition, offset) in names.map(|name| places[name]) {
        lowest.entry(partition).and_modify(|known: &mut i64| *known = offset.min(*known)).or_insert(offset);
    }
    lowest
}

fn shuffled<T>(mut items: Vec<T>) -> Vec<T> {
    for end in (1..items.len()).rev() {
        let random = u64::from_le_bytes(random_bytes().unwrap());
        items.swap(end, usize::try_from(random % (end as u64 + 1)).unwrap());
    }
    items
}

#[tokio::test]
#[ignore = "needs a real server: ./test runs it"]
async fn the_topics_are_as_they_should_be_once_they_are_applied() {
    kafka().await;
    assert_eq!(answered(check_topics(&kafka_settings(), &TOPICS).await), [""; 0]);
}

#[tokio::test]
#[ignore = "needs a real server: ./test runs it"]
async fn finished_in_any_order_only_the_unbroken_prefix_is_committed() {
    const MESSAGES: usize = 40;
    let broker = kafka().await;
    let (name, group) = (fresh("prefix"), fresh_group());
    let observer = Observer::of(group);
    observer.read_from_here();
    publish(&broker, &name, 3, MESSAGES).await;
    let places = observer.places(&name, MESSAGES);

    let mut consumer = join(&broker, group);
    let mut taken = take(&mut consumer, &name, |taken| taken.len() == MESSAGES).await;
    let order = shuffled(taken.keys().cloned().collect());
    eprintln!("finished in this order: {order:?}");
    let (finished, unfinished) = order.split_at(MESSAGES - 5);
    for payload in finished {
        finish(taken.remove(payload).unwrap());
        let (committed, lowest) = (observer.committed(), lowest(taken.keys(), &places));
        for (partition, unfinished) in lowest {
            let offset = committed.get(&partition).copied().unwrap_or(0);
            assert!(offset <= unfinished, "{offset} of partition {partition}: {unfinished} is unfinished");
        }
    }
    let still_unfinished = lowest(taken.keys(), &places);
    consumer.close().await;
    let committed = observer.committed();
    for (partition, offset) in &still_unfinished {
        assert_eq!(
            committed.get(partition),
            Some(offset),
            "the prefix, and all of it; partition {partition}"
        );
    }

    let above_the_prefix = |payload: &&String| {
        let (partition, offset) = places[*payload];
        still_unfinished.get(&partition).is_some_and(|lowest| offset >= *lowest)
    };
    let expected: BTreeSet<&String> = places.keys().filter(above_the_prefix).collect();
    assert!(unfinished.iter().all(|payload| expected.contains(payload)));
    let mut consumer = join(&broker, group);
    let again = take(&mut consumer, &name, |taken| taken.len() == expected.len()).await;
    assert_eq!(again.keys().collect::<BTreeSet<_>>(), expected);
}

#[tokio::test]
#[ignore = "needs a real server: ./test runs it"]
async fn what_is_finished_is_committed_while_the_inbox_is_open() {
    let broker = kafka().await;
    let (name, group) = (fresh("open"), fresh_group());
    let observer = Observer::of(group);
    observer.read_from_here();
    publish(&broker, &name, 1, 5).await;
    let places = observer.places(&name, 5);
    let mut consumer = join(&broker, group);
    let mut taken = take(&mut consumer, &name, |taken| taken.len() == 5).await;
    let unfinished = taken.split_off(&format!("{name}/03"));
    taken.into_values().for_each(finish);
    let (partition, lowest) = places[&format!("{name}/03")];
    let committed = async {
        while observer.committed().get(&partition) != Some(&lowest) {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG_ENOUGH, committed).await.expect("the prefix is committed");
    drop(unfinished);
}

#[tokio::test]
#[ignore = "needs a real server: ./test runs it"]
async fn what_a_rebalance_takes_away_cannot_be_started_any_more() {
    const MESSAGES: usize = 48;
    let broker = kafka().await;
    let (name, group) = (fresh("revoked"), fresh_group());
    let mut first = join(&broker, group);
    publish(&broker, &name, MESSAGES, MESSAGES).await;
    let mut held = take(&mut first, &name, |taken| taken.len() == MESSAGES).await;
    let mut second = join(&broker, group);
    let moved = take(&mut second, &name, |taken| !taken.is_empty()).await;
    for (payload, delivery) in moved {
        assert!(!held.remove(&payload).unwrap().ack.start(), "{payload} is with the second member");
        finish(delivery);
    }
    first.close().await;
    let rest = take(&mut second, &name, |taken| taken.len() == held.len()).await;
    assert_eq!(rest.keys().collect::<Vec<_>>(), held.keys().collect::<Vec<_>>(), "nothing is lost");
}

#[tokio::test]
#[ignore = "needs a real server: ./test runs it"]
async fn a_member_that_was_full_during_a_rebalance_goes_on_after_it() {
    const MESSAGES: usize = 48;
    const IN_HAND: usize = 4;
    let broker = kafka().await;
    let (name, group) = (fresh("full"), fresh_group());
    let mut full = join_with(&broker, group, IN_HAND);
    publish(&broker, &name, MESSAGES, MESSAGES).await;
    // Other tests' deliveries are held as well: they too are in hand.
    let mut held = Vec::new();
    while held.len() < IN_HAND {
        held.push(timeout(LONG_ENOUGH, full.next()).await.expect("a delivery").unwrap());
    }
    let mut passing = join(&broker, group);
    drop(take(&mut passing, &name, |taken| !taken.is_empty()).await);
    passing.close().await;
    let mut arrived = BTreeSet::new();
    for mut delivery in held {
        arrived.extend(text(&delivery).filter(|payload| payload.starts_with(&name)));
        if delivery.ack.start() {
            delivery.ack.finish();
        }
    }
    let going_on = async {
        while arrived.len() < MESSAGES {
            let mut delivery = full.next().await.expect("the consumer is open");
            arrived.extend(text(&delivery).filter(|payload| payload.starts_with(&name)));
            if delivery.ack.start() {
                delivery.ack.finish();
            }
        }
    };
    timeout(LONG_ENOUGH, going_on).await.expect("all of it arrives");
}
