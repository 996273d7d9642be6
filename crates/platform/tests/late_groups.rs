//! The broker in memory keeps what was published for groups that come later, as Kafka does.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;

use smartpass_platform::broker::{Broker, Consumer, Delivery, MemoryBroker, Partitioning, Subscription};
use tokio::time::timeout;

/// Longer than anything takes that works, on a machine that is busy.
const LONG_ENOUGH: Duration = Duration::from_secs(60);
const TOPIC: &str = "numbers";
/// As many messages as are kept of a topic.
const KEPT: u32 = 1_024;

async fn publish(broker: &MemoryBroker, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let message = number.to_string().into_bytes();
        broker.publish(TOPIC, Partitioning::ByKey("key".to_owned()), message).await.unwrap();
    }
}

fn join(broker: &MemoryBroker, group: &'static str, topic: &'static str) -> Consumer {
    broker.subscribe(Subscription { group, topic, in_hand: 10, drain: Duration::ZERO }).unwrap()
}

/// The next message, and the duty to finish it.
async fn next(consumer: &mut Consumer) -> (u32, Delivery) {
    let mut delivery = timeout(LONG_ENOUGH, consumer.next()).await.expect("a message comes").unwrap();
    assert!(delivery.ack.start());
    (std::str::from_utf8(&delivery.payload).unwrap().parse().unwrap(), delivery)
}

/// The next messages, each of them finished.
async fn take(consumer: &mut Consumer, count: usize) -> Vec<u32> {
    let mut numbers = Vec::new();
    for _ in 0..count {
        let (number, delivery) = next(consumer).await;
        delivery.ack.finish();
        numbers.push(number);
    }
    numbers
}

#[tokio::test]
async fn a_group_that_comes_after_the_messages_gets_them_in_their_order_and_then_those_that_follow() {
    let broker = MemoryBroker::default();
    publish(&broker, 0..3).await;
    let mut consumer = join(&broker, "late", TOPIC);
    publish(&broker, 3..5).await;
    assert_eq!(take(&mut consumer, 5).await, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn each_later_group_gets_them_too_whatever_the_others_have_done_with_them() {
    let broker = MemoryBroker::default();
    let mut early = join(&broker, "early", TOPIC);
    publish(&broker, 0..3).await;
    let mut late = join(&broker, "late", TOPIC);
    assert_eq!(take(&mut early, 3).await, [0, 1, 2]);
    assert_eq!(take(&mut late, 3).await, [0, 1, 2]);
    early.close().await;
    late.close().await;
    assert_eq!(take(&mut join(&broker, "latest", TOPIC), 3).await, [0, 1, 2]);
}

#[tokio::test]
async fn a_group_gets_what_it_has_finished_only_once_however_often_it_comes_back() {
    let broker = MemoryBroker::default();
    publish(&broker, 0..3).await;
    let mut consumer = join(&broker, "group", TOPIC);
    assert_eq!(take(&mut consumer, 2).await, [0, 1]);
    let (unfinished, delivery) = next(&mut consumer).await;
    assert_eq!(unfinished, 2);
    drop(delivery);
    consumer.close().await;
    publish(&broker, 3..4).await;
    assert_eq!(take(&mut join(&broker, "group", TOPIC), 2).await, [2, 3]);
}

#[tokio::test]
async fn a_later_group_gets_the_newest_of_many_and_one_that_was_there_gets_all() {
    let broker = MemoryBroker::default();
    let mut early = join(&broker, "early", TOPIC);
    publish(&broker, 0..KEPT + 6).await;
    let mut late = join(&broker, "late", TOPIC);
    assert_eq!(take(&mut late, KEPT as usize).await, (6..KEPT + 6).collect::<Vec<_>>());
    assert_eq!(take(&mut early, KEPT as usize + 6).await, (0..KEPT + 6).collect::<Vec<_>>());
    // There was nothing more: the next message is a new one.
    publish(&broker, 9_999..10_000).await;
    assert_eq!(take(&mut late, 1).await, [9_999]);
}

#[tokio::test]
async fn a_later_group_gets_messages_of_its_own_topic_alone() {
    let broker = MemoryBroker::default();
    publish(&broker, 0..3).await;
    let mut other = join(&broker, "late", "another topic");
    let partitioning = Partitioning::ByKey("key".to_owned());
    broker.publish("another topic", partitioning, b"7".to_vec()).await.unwrap();
    assert_eq!(take(&mut other, 1).await, [7]);
}
